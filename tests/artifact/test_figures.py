"""Figures, shares and names as plain text in the tables of a card, and the card's template."""

from __future__ import annotations

from modelrepair.artifact.card import own_text
from modelrepair.artifact.figures import cell, figure, percent
from modelrepair.evaluation.measures import Measure
from tests.support.small_repairs import MEASURED


def test_own_text_leaves_other_paths_alone():
    assert own_text("see https://x.org/home/a and `/Users/me/b` #!/bin/sh") == (
        "see https://x.org/home/a and `b` #!/bin/sh"
    )


def test_small_formats():
    assert cell("a\n b") == "a b"
    assert percent(0) == "0 %"
    assert figure(None) == "–"
    assert figure(Measure(value=0.5, n=1, low=None, high=1.0)) == "50.0 % (? to 100.0; n = 1)"
    assert len(MEASURED) == 2


def test_so_does_the_card():
    assert cell("a\u202eb\u200b\x1b") == "a\\u202eb\\u200b\\x1b"
    assert cell("模型 \U0001faea") == "模型 \U0001faea"
