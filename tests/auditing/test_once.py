"""A property is worked out once, also where it fails."""

from __future__ import annotations

import pytest

from modelrepair.auditing.once import Once
from modelrepair.errors import HubError


class Model:
    asked = 0

    @Once
    def name(self) -> str:
        self.asked += 1
        return "a"

    @Once
    def broken(self) -> str:
        self.asked += 1
        raise HubError("down", hint="later")

    @Once
    def bug(self) -> str:
        self.asked += 1
        raise KeyError("a")


def test_a_value_is_kept_for_each_owner():
    one, other = Model(), Model()
    assert one.name + one.name == "aa"
    assert (one.asked, other.asked) == (1, 0)


def test_a_failure_is_the_same_one_again():
    model = Model()
    for _ in range(3):
        with pytest.raises(HubError, match="down"):
            _ = model.broken
    assert model.asked == 1


def test_a_bug_is_not_kept():
    model = Model()
    for _ in range(2):
        with pytest.raises(KeyError):
            _ = model.bug
    assert model.asked == 2
