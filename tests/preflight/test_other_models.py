"""Models beside source and reference: what is said of them, and the memory that they need."""

from __future__ import annotations

import pytest

from modelrepair.errors import ResourceError
from modelrepair.preflight.other_models import OtherModel, check_memory, most_memory

JUDGE = OtherModel("judge", "org/guard", "0123456789abcdef", 1_100_000_000, 2 * 10**9, 5 * 10**9)
SERVED = OtherModel("judge", "org/guard", None, 0)


def test_what_is_said_of_them():
    assert JUDGE.line == (
        "judge: org/guard at 0123456789ab, 1.1 B parameters, 5.0 GB of memory while it judges, "
        "2.0 GB to download"
    )
    assert SERVED.line == "judge: org/guard, a server answers for it"


def test_the_largest_counts():
    assert most_memory([SERVED, JUDGE, OtherModel("other", "m", None, 7)]) == JUDGE.memory_bytes


@pytest.mark.parametrize(
    ("free", "ranks", "enough"),
    [(5 * 10**9, 1, True), (5 * 10**9 - 1, 1, False), (9 * 10**9, 2, False), (None, 9, True)],
)
def test_a_judge_without_room_is_refused_by_name(free, ranks, enough):
    if enough:
        return check_memory([SERVED, JUDGE], free, ranks)
    with pytest.raises(ResourceError, match="the judge's model org/guard needs about") as refused:
        check_memory([JUDGE], free, ranks)
    assert ("by 2 ranks" in str(refused.value)) == (ranks == 2)
    assert "--judge-endpoint" in refused.value.hint
    return None
