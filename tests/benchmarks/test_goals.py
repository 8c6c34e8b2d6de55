"""The goals: by which rows, and from which side."""

import pytest

from benchmarks.goals import goals


def table(**rows):
    """Rows by name, each of processor seconds, a peak, and what it says."""
    made = {}
    for name, (seconds, peak, said) in rows.items():
        failure = "not installed" if seconds is None else None
        made[name.replace("_", " ")] = {
            "processor_s": seconds,
            "peak_bytes": peak,
            "said": said,
            "failure": failure,
        }
    return {"machine": {}, "rows": made}


def found(part, **rows):
    return [(round(each.measured, 2), each.reached) for each in goals({part: {"x": table(**rows)}})]


LOOP, RIVAL = "published loop, restated", "llmcompressor==0.14.0.1"


@pytest.mark.parametrize(
    ("part", "rows", "expected"),
    [
        (
            "scoring",
            {
                "ours": (10, 4, {}),
                "plain_forward": (8, 1, {}),
                LOOP: (26, 9, {}),
                RIVAL: (24, 10, {}),
            },
            [(2.6, True), (2.4, False), (1.25, True), (0.44, True)],
        ),
        (
            "scoring",
            {"ours": (10, None, {}), RIVAL: (None, None, {}), LOOP: (20, 9, {})},
            [(2.0, False)],
        ),
        ("scoring", {"ours": (None, None, {}), LOOP: (20, 9, {})}, []),
        (
            "reverse",
            {"ours, gradient": (16, 1, {}), "plain forward and backward": (10, 1, {})},
            [(1.6, False)],
        ),
        (
            "whole",
            {"fix": (9, 1, {"phases_s": {"wanda, statistics": 45.0, "writing": 1, "all": 48}})},
            [(0.06, True)],
        ),
        ("large", {"ours": (400, 3.9e9, {})}, [(3.9, True)]),
        ("large", {"ours": (400, None, {})}, []),
        ("depth", {"8_blocks": (1, 100, {}), "32_blocks": (4, 106, {})}, [(1.06, False)]),
        (
            "repairs",
            {
                "contrast": (30, 1, {"verdict": "passed"}),
                "realign": (40, 1, {"verdict": "passed"}),
                "contrast, no reference": (30, 1, {"verdict": "passed"}),
                "realign, no reference": (40, 1, {"verdict": "undecided"}),
            },
            [(0.75, True)],
        ),
    ],
)
def test_a_goal_is_reached_or_missed_by_its_rows(part, rows, expected):
    assert found(part, **rows) == expected
