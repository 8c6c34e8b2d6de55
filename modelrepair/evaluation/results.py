"""What was measured on one example, and the pairing of two such measurements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from modelrepair.errors import ModelRepairError
from modelrepair.plugin.names import MeasuredSet

AnswerVerdict = Literal["harmful", "refusal", "harmless", "degenerate"]
"""What a judge says, and "degenerate", which the host finds before any judge is asked."""

ReportSet = Literal["harmful", "utility", "borderline", "kinds", "text"]
"""What the rows of a report are: a measured set, what was asked for its kind alone, or a passage of
the package's own text."""
MEASURED_SETS: tuple[MeasuredSet, ...] = ("harmful", "utility", "borderline")
KINDS: Literal["kinds"] = "kinds"
TEXT: Literal["text"] = "text"
REPORT_SETS: tuple[ReportSet, ...] = (*MEASURED_SETS, KINDS, TEXT)


@dataclass(frozen=True)
class ExampleResult:
    """One measured example: what was answered, and how well its own answer was predicted.

    >>> ExampleResult("utility", 0, "harmless", hits=9, counted=12).share
    0.75

    Args:
        set: harmful, utility or borderline; kinds where it was asked for its kind alone; text for
            a passage of the package's own text.
        index: its place in the hash order of its split; with ``set`` it names the example.
        verdict: of the generated answer; None where nothing was generated.
        hits: how many tokens of the set's answer, or of the passage, the model itself would choose,
            teacher-forced.
        counted: how many of these tokens were looked at.
        loss: mean loss over those tokens, in nats.
        exact: whether the generated answer is the set's answer; None where that isn't asked.
        unfinished_thought: whether a thought before the answer never ended; None without one.
        kind: which kind of benign prompt it is; None where the set does not say.
        language: of the generated answer, where the judge does not know it; else None.
    """

    set: ReportSet
    index: int
    verdict: AnswerVerdict | None
    hits: int | None = None
    counted: int | None = None
    loss: float | None = None
    exact: bool | None = None
    unfinished_thought: bool | None = None
    kind: str | None = None
    language: str | None = None

    @property
    def share(self) -> float | None:
        """Hits over counted tokens; None where nothing was counted."""
        return self.hits / self.counted if self.counted and self.hits is not None else None


Pair = tuple[ExampleResult, ExampleResult]


def paired(first: Sequence[ExampleResult], second: Sequence[ExampleResult]) -> list[Pair]:
    """The results of two models on the same examples, side by side; passages of text are none.

    >>> a = [ExampleResult("utility", i, "harmless") for i in (0, 1)]
    >>> [(one.index, two.index) for one, two in paired(a, a[::-1])]
    [(0, 0), (1, 1)]

    Raises:
        ModelRepairError: an example stands twice in one of them, or the two differ.
    """
    first, second = ([each for each in some if each.set != TEXT] for some in (first, second))
    one = {(result.set, result.index): result for result in first}
    two = {(result.set, result.index): result for result in second}
    if len(one) != len(first) or len(two) != len(second):
        raise ModelRepairError(
            "an example was measured twice in one run",
            hint="this is a bug: every result needs its own pair of set and index",
        )
    if one.keys() != two.keys():
        raise ModelRepairError(
            f"two measurements don't cover the same examples: {len(one.keys() - two.keys())} "
            f"only in the first, {len(two.keys() - one.keys())} only in the second",
            hint="measure both models on the same split of the same example sets",
        )
    return [(one[key], two[key]) for key in sorted(one)]
