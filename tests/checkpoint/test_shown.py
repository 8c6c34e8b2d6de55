"""Which files of its folder a card shows: pictures and the like, by relative links."""

from __future__ import annotations

import pytest

from modelrepair.checkpoint.kept_files import reason_left_behind
from modelrepair.checkpoint.shown import shown_by


@pytest.mark.parametrize(
    ("card", "shown"),
    [
        ("![x](a.png)", {"a.png"}),
        ('<img width=3 src="./assets/b.svg?raw=true">', {"assets/b.svg"}),
        ("[x]\n\n[x]: c.webp", {"c.webp"}),
        ("![x](https://huggingface.co/u/m/resolve/main/d.png)", {"d.png"}),
        ("---\nthumbnail: e.png\n---\n", {"e.png"}),
        ("![x](https://else.where/f.png) ![y](../g.png) ![z](data:image/png;base64,AA)", set()),
        (None, set()),
    ],
)
def test_what_a_card_shows(card, shown):
    assert shown_by(card) == shown


def test_only_what_the_card_shows():
    assert reason_left_behind("assets/logo.PNG") is None, "the card was not read yet"
    assert reason_left_behind("assets/logo.PNG", shown={"assets/logo.PNG"}) is None
    assert "picture" in reason_left_behind("loss.png", shown={"assets/logo.PNG"})
    assert "not a kind" in reason_left_behind("train.json", shown={"train.json"})
