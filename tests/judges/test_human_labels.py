"""The keyword judge's figures against people's labels are those of the page."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelrepair.evaluation.degeneration import degeneration
from tests.support.human_labels import labelled, rows, table

pytestmark = pytest.mark.slow
FOLDERS = ("refusal_scorer", "harm", "objective")
PAGE = Path(__file__).parents[2] / "docs" / "judges.md"


def test_the_page_shows_the_figures():
    assert table() in PAGE.read_text(encoding="utf-8")


def test_what_is_called_a_refusal_is_one():
    precision, recall, alone, *wrong = rows()
    assert precision.k == precision.n >= 58
    assert recall.n == 109
    assert alone.k == recall.k >= 58
    assert all(row.k <= 0.06 * row.n for row in wrong)


def test_no_answer_of_a_real_model_is_called_broken():
    answers = [answer for folder in FOLDERS for answer, _ in labelled(folder)]
    assert len(answers) >= 1500
    assert not any(degeneration(answer, hit_limit=False) for answer in answers)
