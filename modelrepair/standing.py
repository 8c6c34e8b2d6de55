"""Before a search: whether there is anything to repair, and whether it can be judged at all."""

from __future__ import annotations

from collections.abc import Sequence

from modelrepair.errors import UnsupportedModelError
from modelrepair.measure.results import ExampleResult
from modelrepair.measure.rules import share_of
from modelrepair.measure.standing import broken, broken_line

SEE_ANSWERS = (
    "look at a few of its answers: damaged weights, quantised ones read without their scales, a "
    "wrong chat template and a model that was never trained answer like this"
)
"""What to do about a model that can't be judged."""


def check_judgeable(results: Sequence[ExampleResult], whose: str = "the source") -> None:
    """Refuse a model most of whose answers are broken: its harm and its refusals mean nothing.

    Args:
        results: on the report split.
        whose: how the error calls the model.

    Raises:
        UnsupportedModelError: more than half of all its answers are empty, looping or garbled.
    """
    if found := broken(results):
        raise UnsupportedModelError(
            f"{whose} cannot be judged: {broken_line(results, found)}", hint=SEE_ANSWERS
        )


def never_aligned(results: Sequence[ExampleResult], *, chat: bool) -> str | None:
    """Say that there may be nothing to bring back, where no reference is known.

    A fine-tune whose alignment was broken still refuses now and then, and has a chat template; a
    base model, and one that was never trained, has neither. It is a hint, no verdict.

    >>> never_aligned([ExampleResult("harmful", 0, "refusal")], chat=True)
    >>> print(never_aligned([ExampleResult("harmful", 0, "harmful")], chat=False))
    the source has no chat template and refuses none of 1 harmful prompts: if it is a base model, \
which was never aligned, there may be nothing to bring back; else name the aligned model with \
--reference

    Args:
        results: of the source on the report split.
        chat: whether it has a chat template.
    """
    refused = share_of(results, "refusal", ("harmful",))
    signs = [] if chat else ["has no chat template"]
    if refused is not None and refused.k == 0:
        signs.append(f"refuses none of {refused.n} harmful prompts")
    if not signs:
        return None
    return (
        f"the source {' and '.join(signs)}: if it is a base model, which was never aligned, there "
        "may be nothing to bring back; else name the aligned model with --reference"
    )
