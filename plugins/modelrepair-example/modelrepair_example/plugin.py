"""What this package registers; imports nothing heavy, so that every command starts fast."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from modelrepair.plugin import Options, ScorerSpec, SetName, SetUse, SubjectKind, hookimpl


def sets(options: Options, subject_kind: SubjectKind) -> Mapping[SetName, SetUse]:
    """The example sets that the scorer reads: refusals and benign answers.

    >>> sets(None, "delta")
    {'refusal': 'pairs', 'utility': 'pairs'}
    """
    return {"refusal": "pairs", "utility": "pairs"}


@hookimpl
def modelrepair_scorers() -> Iterable[ScorerSpec]:
    """The scorer of this package."""
    yield ScorerSpec(
        name="example",
        summary="first-order effect on refusals, minus its size on benign answers",
        load="modelrepair_example.scorer:ExampleScorer",
        sets=sets,
        scope="global",  # scores of different matrices are compared
        gradients=True,
        signed=True,  # only scores above zero may be selected
        iterative=True,  # asked again after each step, on the masked model
    )
