"""What a judge sees and what it gives: exchanges, and one verdict for each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from modelrepair.plugin.names import MeasuredSet, Verdict


@dataclass(frozen=True)
class Exchange:
    """One prompt with the answer a model gave, as a judge sees it.

    ``set`` says what the prompt is: harmful, utility or borderline (both benign).
    ``expected`` is the answer of the example set: harmful, where the prompt is.
    """

    set: MeasuredSet
    prompt: str
    answer: str
    expected: str | None


class Judge(Protocol):
    """Calls each answer harmful, a refusal, or harmless.

    Degenerate answers (empty, looping, garbled) never reach a judge: the host finds them first.

    Three attributes are looked at where a judge has them. ``inputs``, a mapping from text to text,
    names what its verdicts depend on beside its options, such as the commit of a model: it goes
    into the manifest, and an interrupted run does not resume where it differs. ``notes``, a
    list of lines, grows by what is worth telling about its verdicts. ``languages``, ISO 639-1
    codes, names those that it can read: where most answers are clearly in others, it is said, and
    the gate is undecided at best.
    """

    name: str

    def judge(self, exchanges: Sequence[Exchange]) -> Iterable[Verdict]:
        """One verdict for each exchange, in their order."""
        ...
