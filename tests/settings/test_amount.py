"""How much of a model a repair changes: a named ratio or strength, or one that is searched for."""

from __future__ import annotations

import pytest

from modelrepair.settings.amount import Fixed, Searched, amount_of
from modelrepair.settings.expand import expand
from modelrepair.settings.search_limits import Limits
from modelrepair.settings.settings import Settings


@pytest.mark.parametrize(
    ("named", "knob", "value"),
    [
        ({}, "ratio", None),
        ({"ratio": "auto"}, "ratio", None),
        ({"ratio": 0.3}, "ratio", 0.3),
        ({"preset": "antidote-paper"}, "ratio", 0.1),
        ({"preset": "antidote-paper", "ratio": 0.3}, "ratio", 0.3),
        ({"preset": "antidote-paper", "ratio": "auto"}, "ratio", None),
        ({"repairer": "back"}, "strength", None),
        ({"repairer": "back", "strength": 0.5}, "strength", 0.5),
        ({"repairer": "back", "strength": 0.0}, "strength", 0.0),
    ],
)
def test_the_ratio_or_strength_is_fixed_or_searched_for(named, knob, value):
    limits = Limits(rounds=3, candidates=8)
    wanted = Searched(knob, limits) if value is None else Fixed(knob, value, limits)
    settings = Settings("a", realign="r", max_rounds=3, **named)
    assert amount_of(settings) == wanted
    if settings.repairer is None:
        assert amount_of(expand(settings)) == wanted
