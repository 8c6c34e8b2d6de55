"""One model: open it and what it claims to come from, run the stages that were asked for."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from modelrepair.auditing.behaviour.measured import Behaviour, Measuring, behaviour
from modelrepair.auditing.checks import run_stage
from modelrepair.auditing.context import Context, claims
from modelrepair.auditing.difference.difference import Difference
from modelrepair.auditing.inventory import Inventory, StatedMeasure, stated, take_inventory
from modelrepair.auditing.opened import BUDGET, LONGEST, opened
from modelrepair.auditing.results import Audit, Base
from modelrepair.auditing.rule import Stage
from modelrepair.errors import ModelRepairError, one_line
from modelrepair.progress import Progress

DEFAULT_STAGES: tuple[Stage, ...] = ("metadata", "structure", "lineage")
MEASURED_BY = "modelrepair audit --measure"
"""What a bill of materials names as the source of measures that were taken here."""
NO_BASE = "none"
"""For ``base``: compare with nothing, whatever the model claims."""


@dataclass(frozen=True)
class Choices:
    """What is asked of every model of an audit.

    Args:
        base: a folder or id to compare with, whatever the model claims; ``"none"`` for nothing.
        candidates: ids or folders that a model may come from.
        source: what a repair was made from; by default what its manifest names.
        reference: the reference that it was made with; likewise.
        stages: what is run, cheapest first.
        budget: bytes of each side that the first three stages may read.
        seed: of what is drawn; None draws a fresh one for each model.
        inventory: list the files with their digests, the licences and stated measures, too.
        measuring: what answers are measured with; None where they are not.
    """

    base: str | Path | None = None
    candidates: tuple[str | Path, ...] = ()
    source: str | Path | None = None
    reference: str | Path | None = None
    stages: tuple[Stage, ...] = DEFAULT_STAGES
    budget: int = BUDGET
    seed: int | None = None
    inventory: bool = False
    measuring: Measuring | None = None


def choices_of(
    *,
    base: str | Path | None = None,
    candidates: Iterable[str | Path] = (),
    source: str | Path | None = None,
    reference: str | Path | None = None,
    budget: int | None = None,
    seed: int | None = None,
    deep: bool = False,
    proof: bool = False,
    inventory: bool = False,
    measuring: Measuring | None = None,
) -> Choices:
    """The choices as a user names them, the stages by their switches.

    >>> choices_of(proof=True).stages
    ('metadata', 'structure', 'lineage', 'proof')

    Args:
        base: see `Choices`.
        candidates: see `Choices`.
        source: see `Choices`.
        reference: see `Choices`.
        budget: see `Choices`; None for the default.
        seed: see `Choices`.
        deep: compare every tensor in full, too.
        proof: derive a claimed repair again, too.
        inventory: see `Choices`.
        measuring: see `Choices`; its sets are read once here, and its judge is made.

    Raises:
        UsageError: a set or the judge can't be used, or the package for endpoints is missing.
        HubError: a set on the Hub can't be had.
    """
    if measuring is not None:
        measuring.check()
    asked: dict[Stage, bool] = {
        "difference": deep,
        "proof": proof,
        "behaviour": measuring is not None,
    }
    more = (stage for stage, wanted in asked.items() if wanted)
    return Choices(
        base=base,
        candidates=tuple(candidates),
        source=source,
        reference=reference,
        stages=(*DEFAULT_STAGES, *more),
        budget=budget or BUDGET,
        seed=seed,
        inventory=inventory,
        measuring=measuring,
    )


def asked_of(choices: Choices) -> dict[str, Any]:
    """The choices as JSON has them, for the head of a state file.

    >>> asked_of(Choices(seed=7))["seed"]
    7
    """
    named = [str(each) for each in choices.candidates]
    named_models = {
        key: None if (given := getattr(choices, key)) is None else str(given)
        for key in ("base", "source", "reference")
    }
    stages = list(choices.stages)
    measuring = None if choices.measuring is None else choices.measuring.to_json()
    return {
        **vars(choices),
        **named_models,
        "candidates": named,
        "stages": stages,
        "measuring": measuring,
    }


def audit_one(
    model: str | Path,
    revision: str | None = None,
    choices: Choices | None = None,
    progress: Progress | None = None,
) -> Audit:
    """Look at one model.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "config.json").write_text("{}"), (folder / "a.pkl").write_bytes(b"")
    >>> [each.rule.id for each in audit_one(folder).outcome("found", at_least="error")]
    ['MR-FIL-001']

    Args:
        model: a folder or Hub id.
        revision: branch, tag or commit on the Hub.
        choices: what is asked of it.
        progress: where long steps are shown.

    Raises:
        ModelRepairError: it can't be opened at all.
    """
    choices, progress = choices or Choices(), progress or Progress()
    # Fresh for each model, so that no uploader can aim between the parts that are drawn.
    seed = secrets.randbits(32) if choices.seed is None else choices.seed
    with ExitStack() as stack:
        target = stack.enter_context(opened(model, revision, budget=choices.budget))
        context = Context(target, seed, progress=progress, source=choices.source,
                          reference=choices.reference, measuring=choices.measuring)  # fmt: skip
        _open_base(context, choices, stack)
        _open_candidates(context, choices.candidates, stack, choices.budget)
        findings = [each for stage in choices.stages for each in run_stage(stage, context)]
        base, found = context.base, _measured(context)
        return Audit(
            name=target.name,
            commit=target.source.commit,
            base=None if base is None else Base(base.name, base.source.commit, context.base_from),
            seed=seed,
            ran=choices.stages,
            findings=tuple(findings),
            inventory=_inventory(context, found) if choices.inventory else None,
            behaviour=None if found is None else found.to_json(),
            difference=_compared(context) if "difference" in choices.stages else None,
            fetched={
                side: each.fetched
                for side, each in (("model", target), ("base", base))
                if each is not None
            },
        )


def check_base(choices: Choices) -> None:
    """Open the base that a user names, once: a mistake in it stops a list before its first model.

    >>> check_base(Choices(base="none"))

    Args:
        choices: what is asked of every model.

    Raises:
        ModelRepairError: it can't be opened.
    """
    if choices.base is not None and choices.base != NO_BASE:
        with opened(choices.base, budget=choices.budget):
            pass


def _measured(context: Context) -> Behaviour | None:
    """What stage 6 measured; None where it did not run, or its findings say why it could not."""
    try:
        return None if context.measuring is None else behaviour(context)
    except ModelRepairError:
        return None


def _inventory(context: Context, measured: Behaviour | None) -> Inventory:
    """What the model consists of and states; and what was measured here."""
    found = take_inventory(context.target)
    if measured is None:
        return found
    own = tuple(stated(measured.measures, MEASURED_BY))
    beside = tuple(
        StatedMeasure(f"{name}: difference to the base", each.value, each.n, each.low, each.high,
                      measured.model.judge.name, MEASURED_BY)
        for name, each in measured.differences.items()
    )  # fmt: skip
    return replace(found, measures=(*found.measures, *own, *beside))


def _compared(context: Context) -> Difference | None:
    """The figures of stage 4; None where its findings say why there are none."""
    try:
        return context.difference
    except ModelRepairError:
        return None


def _open_base(context: Context, choices: Choices, stack: ExitStack) -> None:
    """Open what the model is compared with; that there is none is no failure of the audit."""
    given = choices.base
    if given == NO_BASE:
        context.no_base = "--base none: it is compared with nothing"
        return
    if given is not None:
        # Named by the user: a mistake in it is theirs to mend, and stops.
        context.base = stack.enter_context(opened(given, budget=choices.budget))
        context.base_from = "--base"
        return
    try:
        named = claims(context.target)
    except ModelRepairError as error:
        context.no_base = f"what it names as its base can't be read: {error}"
        return
    for claim in named[:1]:
        try:
            context.base = stack.enter_context(opened(claim.id, budget=choices.budget, local=False))
            context.base_from = claim.where
        except ModelRepairError as error:
            context.no_base = f"{claim.where} names {claim.id}: {error}"
            context.base_error = error


def _open_candidates(
    context: Context, names: Sequence[str | Path], stack: ExitStack, budget: int
) -> None:
    """Open what the model may come from; one of a list that is gone leaves the others."""
    found = []
    for each in names:
        try:
            found.append(stack.enter_context(opened(each, budget=budget)))
        except ModelRepairError as error:
            context.lost_candidates[one_line(each, LONGEST)] = str(error)
    context.candidates = tuple(found)
