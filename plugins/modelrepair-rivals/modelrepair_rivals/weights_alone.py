"""What repairers have in common that look at weights, and pass no example set through a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, Literal, TypeVar

from modelrepair.plugin import Accumulator, SetName

Given = TypeVar("Given")
"""The options of a repairer."""


class WeightsAlone(Generic[Given]):
    """A repairer without statistics.

    >>> WeightsAlone("options").needs
    {}
    """

    statistics_of: Literal["source", "reference"] = "source"

    def __init__(self, options: Given) -> None:
        self._options = options

    @property
    def needs(self) -> Mapping[SetName, tuple[Accumulator, ...]]:
        """Nothing."""
        return {}
