"""The first lines of a repair, which `plan` shows too: what will run, on what, to where, how long.

Both make them from one record, and from metadata alone.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from modelrepair.artifact.reading import load_manifest
from modelrepair.checkpoint.config import read_config
from modelrepair.preflight.opening import Opening, SetLine
from modelrepair.preflight.other_models import most_memory
from modelrepair.publishing.options import from_here
from modelrepair.source.licences import name_warning, terms_in, with_base

if TYPE_CHECKING:
    from modelrepair.pipeline.ahead import Ahead
    from modelrepair.preflight.plan import Plan
    from modelrepair.preflight.reference import Reference
    from modelrepair.preflight.sets_ahead import SetsAhead

OPEN = ("nothing to repair", "broken answers", "the verdict")
"""What only measuring can show."""


def opening_of(ahead: Ahead, seen: SetsAhead, plan: Plan, out: Path, *, evaluate: bool) -> Opening:
    """Everything that is said before the first byte of weights.

    >>> made = opening_of(ahead, seen, plan, out, evaluate=True)  # doctest: +SKIP
    >>> made.lines()                                              # doctest: +SKIP
    ['Runs       yes: 100 % of the matrices in 30 blocks can be repaired', …]

    Args:
        ahead: what was looked at.
        seen: the example sets.
        plan: sizes, time and bounds, and what refuses the run.
        out: the output folder.
        evaluate: whether anything is measured.
    """
    source, reference, target = ahead.source, ahead.reference, ahead.destination
    own = terms = terms_in(source.folder)
    for model in (ahead.base, reference.found):
        if model is not None:
            terms = with_base(terms, model.id or model.name, terms_in(model.folder))
    asks = [*terms.warnings]
    if target is not None and target.kind == "new repository":
        asks += [line for line in (name_warning(terms, target.id),) if line]
    found = reference.found
    config = read_config((ahead.base or source).folder)
    there = ahead.there
    if plan.finished and there.repair_of == load_manifest(out).run.time:
        there = replace(there, repair_of=None)  # this very repair: nothing is replaced
    least = max(plan.peak_bytes, most_memory(plan.others))  # every judge looks at the sets
    most = max(least, plan.generation_bytes)
    return Opening(
        refused=plan.error,
        source=plan.source,
        commit=source.commit,
        kind=plan.kind.name,
        type=config["model_type"] if isinstance(config.get("model_type"), str) else None,
        parameters=plan.parameters,
        bytes=plan.output_bytes,
        blocks=plan.blocks,
        coverage=plan.coverage,
        licence=own.shown,
        terms=tuple(asks),
        past=ahead.past,
        reference=None if found is None else found.id or found.name,
        reference_commit=None if found is None else found.commit,
        reference_by=reference.by,
        no_reference=None if found is not None else _why_none(reference),
        sets=tuple(
            SetLine(
                str(key),
                each.id,
                each.origin,
                each.commit,
                each.licence,
                each.commercial,
                each.rows,
                each.line,
            )
            for key, each in seen.known.items()
        ),
        out=from_here(out),
        target=None if target is None else target.id,
        account=None if target is None else target.account,
        visibility=None if target is None else target.visibility,
        exists=None if target is None else target.exists,
        there=() if target is None else tuple(there.lines(target.id)),
        memory_least=least,
        memory_most=most,
        memory_free=plan.memory_found_bytes,
        seconds_least=plan.seconds_least,
        seconds_most=plan.seconds_most,
        seconds_grounds=plan.seconds_grounds,
        bounds=plan.bounds,
        counted=seen.whole,
        finished=plan.finished,
        open=OPEN if evaluate else (),
        ranks=plan.ranks,
        exchanged_bytes=plan.exchanged_bytes,
        gpus=plan.gpus,
        others=tuple(each.line for each in plan.others),
    )


def _why_none(reference: Reference) -> str:
    if reference.why is not None:
        return f"{reference.why}; {reference.why.hint}"
    if reference.wanted == "none":
        return "you asked for none"
    return "the card names no base model; --reference names the aligned one"
