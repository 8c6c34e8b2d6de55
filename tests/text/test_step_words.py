"""The words of a step: no wider than 80 columns, in ASCII, and nothing that was not measured."""

from __future__ import annotations

import pytest

from modelrepair.progress import Event
from modelrepair.text.step_words import counted, ended, heading

FIGURES = {"masked": 0.0123, "harm": 1.0, "benign_refusals": 0.0, "utility": 0.9931}
LAST = Event(event="end", time=0, name="contrast, round 38", outcome="done", seconds=3.2,
             figures=FIGURES)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "contrast, round 38 masks 1.23%: harm 1.000, benign refusals 0.000, utility 0.993"),
        ({"figures": {"masked": 0.0001, "refusing": 0.62, "utility": None}},
         "contrast, round 38 masks 0.01%: refusals likelier for 62%"),
        ({"figures": {"changed": 0.5, "utility": 1.0}},
         "contrast, round 38 changes 50%: utility 1.000"),
        ({"outcome": "earlier", "figures": {"harm": 0.5}},
         "contrast, round 38: harm 0.500, done earlier"),
        ({"outcome": "earlier", "figures": {}}, "contrast, round 38: done earlier"),
        ({"outcome": "stopped", "figures": {}, "done": 1, "total": 4},
         "contrast, round 38: stopped at 25%"),
        ({"outcome": "stopped", "figures": {}}, "contrast, round 38: stopped"),
        ({"figures": {"round": 3}, "seconds": 75.0}, "contrast, round 38: 1 min 15 s"),
    ],
)  # fmt: skip
def test_the_line_that_stays(changes, line):
    made = ended(Event(**{**vars(LAST), **changes}))
    assert made == line
    assert made.isascii()
    assert len(made) <= 80


def test_the_heading_claims_no_time_that_is_not_known():
    begin = Event(event="begin", time=0, name="wanda, candidate 2")
    assert heading(begin) == "wanda, candidate 2"
    figures = {"round": 2, "rounds": 40, "seconds_left_most": None}
    first = Event(event="begin", time=0, name="contrast, round 2", figures=figures)
    assert heading(first) == "contrast, round 2 of at most 40"


def test_things_are_counted_in_their_units():
    event = Event(event="advance", time=0, done=1_500_000, total=3_000_000, unit="bytes")
    assert counted(event) == "1.5 MB of 3.0 MB"
    assert counted(Event(event="begin", time=0, total=3_000, unit="answers")) == "0/3,000"
    assert counted(Event(event="begin", time=0, total=3_000)) == ""
