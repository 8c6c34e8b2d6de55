"""Our measures as the Hub reads them from a card: the ``model-index`` of its front matter."""

from __future__ import annotations

from dataclasses import replace

from modelrepair.artifact.card import render_card
from modelrepair.artifact.records import ExampleSetRecord
from tests.support.small_repairs import draft


def test_which_utility_was_measured():
    plain = ExampleSetRecord(id="plain", counts={"report": 4}, digest="0" * 64)
    both = {"utility": plain, "test_utility": plain.model_copy(update={"id": "org/test"})}
    after = draft().measures["after"]
    taken = {"after": replace(after, utility=after.harmful_score)}
    assert "Utility is that of the set plain:" in render_card(
        draft(measures=taken, sets={"utility": plain}), None
    )
    assert "Utility is that of the set org/test:" in render_card(
        draft(measures=taken, sets=both), None
    )
    assert "No utility was measured" in render_card(draft(), None)
