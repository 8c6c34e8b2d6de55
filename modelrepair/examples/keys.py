"""One name for each example set that can be given: the role, and whether it is for the report."""

from __future__ import annotations

from collections.abc import Container
from enum import StrEnum

from modelrepair.plugin.names import SetName


class SetKey(StrEnum):
    """A set as settings, arguments of Python, manifest and messages name it.

    >>> key = SetKey("test_utility")
    >>> str(key), key.role, key.test, key.option
    ('test_utility', 'utility', True, '--test-utility')
    """

    REALIGN = "realign"
    REFUSAL = "refusal"
    UTILITY = "utility"
    BORDERLINE = "borderline"
    TEST_REALIGN = "test_realign"
    TEST_REFUSAL = "test_refusal"
    TEST_UTILITY = "test_utility"
    TEST_BORDERLINE = "test_borderline"

    @property
    def role(self) -> SetName:
        """What the examples are."""
        return self.value.removeprefix("test_")  # type: ignore[return-value]

    @property
    def test(self) -> bool:
        """Whether it was given for the report alone."""
        return self.value.startswith("test_")

    @property
    def option(self) -> str:
        """What the command line calls it."""
        return f"--{self.value.replace('_', '-')}"

    @property
    def tested(self) -> SetKey:
        """The key of the set that is reported on in place of a part of this one.

        >>> SetKey.UTILITY.tested
        <SetKey.TEST_UTILITY: 'test_utility'>
        """
        return SetKey(f"test_{self.role}")


ROLES = tuple(key for key in SetKey if not key.test)
FAMILIES: tuple[tuple[SetKey, ...], ...] = (
    (SetKey.REALIGN, SetKey.REFUSAL),
    (SetKey.BORDERLINE,),
    (SetKey.UTILITY,),
)
"""Sets that are cut together; a prompt that two of them hold stays in the first."""


def reported(key: SetKey, given: Container[str]) -> SetKey | None:
    """The set whose prompts are the report part of a set's family, the one of its own role first.

    A test set for one of a family reports for all of it.

    >>> reported(SetKey.UTILITY, ["utility", "test_utility"])
    <SetKey.TEST_UTILITY: 'test_utility'>
    >>> reported(SetKey.REALIGN, ["realign", "refusal", "test_refusal"])
    <SetKey.TEST_REFUSAL: 'test_refusal'>
    """
    family = next(each for each in FAMILIES if key in each)
    ordered = sorted(family, key=lambda each: each is not key)
    offered = (*(each.tested for each in ordered), *ordered)
    return next((each for each in offered if each in given), None)
