"""One cell of a table: one repair of one attacked model, run and written down."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from modelrepair import ModelRepairError, Progress, RepairInterrupted, UsageError, __version__
from modelrepair.artifact.verdicts import VERDICTS_NAME, read_verdicts
from modelrepair.checkpoint.atomic import write_json
from modelrepair.examples.load import load_set
from modelrepair.pipeline.arguments import RepairArguments, settings_of
from modelrepair_lab.attacked import Attacked
from modelrepair_lab.grid import RepairRow
from modelrepair_lab.identity import digest, stamp
from modelrepair_lab.slugs import slug
from modelrepair_lab.used_code import repair_code

if TYPE_CHECKING:
    from modelrepair import RepairReport

MEASURES = (
    "harmful_score",
    "refusal_rate",
    "benign_refusal_rate",
    "degenerate_rate",
    "utility",
    "task_accuracy",
    "utility_loss",
    "perplexity",
)

UNALIGNED = "{unaligned}"
"""Placeholder in a grid for the model that the reference was aligned from."""

Cell = Mapping[str, Any]
"""The record of one cell, as its file holds it."""


def cell_path(out: Path, attacked: Attacked, row: RepairRow) -> Path:
    """The path of a cell's record."""
    seed = attacked.recipe.seed
    return out / "cells" / f"{slug(attacked.name)}-{seed}--{slug(row.name)}.json"


def arguments_of(attacked: Attacked, row: RepairRow, measure: Mapping[str, Any]) -> dict[str, Any]:
    """The keyword arguments of a repair.

    Without a reference the adapter of a LoRA attack is merged: as long as it is apart, its base
    is known.
    """
    aligned = str(attacked.ground.reference)
    own = {
        name: _named(value, attacked) for name, value in row.arguments.items() if name != "merge"
    }
    arguments: dict[str, Any] = {**attacked.ground.sets, **measure, **own}
    if attacked.recipe.method != "lora":
        return {**arguments, "reference": aligned if row.with_reference else "none"}
    arguments["base"] = aligned
    if not row.with_reference:
        return {**arguments, "merge": True, "reference": "none"}
    return {**arguments, "merge": bool(row.arguments.get("merge", False))}


def digest_of(attacked: Attacked, row: RepairRow, measure: Mapping[str, Any]) -> str:
    """The digest of all that a cell depends on but code: one of another digest is run again."""
    ground = attacked.ground
    shared = {**ground.sets, **measure}
    beside: list[Any] = [ground.general]
    if UNALIGNED in json.dumps(row.arguments, default=str) and ground.unaligned is not None:
        beside.append(stamp(ground.unaligned))
    return digest(
        [attacked.folder.name, shared, row.arguments, row.with_reference, __version__, beside]
    )


def code_of(row: RepairRow, measure: Mapping[str, Any]) -> str:
    """The digest of the code that runs a cell, its plug-ins' among it."""
    return repair_code({**measure, **row.arguments})


def run_cell(
    attacked: Attacked,
    row: RepairRow,
    measure: Mapping[str, Any],
    out: Path,
    progress: Progress,
    *,
    keep: bool = False,
    failed: ModelRepairError | None = None,
) -> Cell:
    """Repair an attacked model, and write the outcome; a failure is a result, too.

    Args:
        attacked: the model.
        row: the repair.
        measure: arguments that all repairs share.
        out: the table's folder.
        progress: where the steps are shown.
        keep: leave the repaired model in ``out/repaired``.
        failed: why there is no such model.

    Raises:
        RepairInterrupted: the user stopped it; nothing is written then.
    """
    path = cell_path(out, attacked, row)
    target = out / "repaired" / path.stem
    # An interrupted run is not resumed: the cell would lack the time that it took.
    remove(target)
    cell: dict[str, Any] = {
        "attack": attacked.name,
        "seed": attacked.recipe.seed,
        "method": attacked.recipe.method,
        "repair": row.name,
        "with_reference": row.with_reference,
        "ours": row.ours,
        "digest": digest_of(attacked, row, measure),
        "code": code_of(row, measure),
    }

    def work() -> dict[str, Any]:
        if failed is not None:
            raise failed
        began, began_processor = time.monotonic(), time.process_time()
        report = repair_cell(attacked, row, measure, target, out, progress)
        return {
            "seconds": time.monotonic() - began,
            "processor_seconds": time.process_time() - began_processor,
            **outcome(report),
            **general_skill(attacked, target),
        }

    return finish(cell, work, path, target, keep=keep)


def finish(
    cell: dict[str, Any],
    work: Callable[[], Mapping[str, Any]],
    path: Path,
    target: Path,
    *,
    keep: bool,
) -> Cell:
    """Do the work of a cell, and write what came of it; a failure is a result, too.

    Args:
        cell: what the record says beside the result.
        work: gives the result.
        path: of the record.
        target: the repaired model.
        keep: leave the repaired model.

    Raises:
        RepairInterrupted: the user stopped it; nothing is written then.
    """
    try:
        cell = {**cell, **work()}
    except RepairInterrupted:
        raise
    except Exception as error:
        hint = error.hint if isinstance(error, ModelRepairError) else ""
        message = f"{type(error).__name__}: {' '.join(str(error).split())}"
        cell = {**cell, "status": "error", "error": message, "hint": hint}
    write_cell(path, cell)
    if not keep:
        remove(target)
    return cell


def write_cell(path: Path, cell: Cell) -> None:
    """Write the record of a cell, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, dict(cell))


def remove(target: Path) -> None:
    """Remove a repaired model, whole or unfinished."""
    for folder in (target, target.with_name(f"{target.name}.partial")):
        shutil.rmtree(folder, ignore_errors=True)


def repair_cell(
    attacked: Attacked,
    row: RepairRow,
    measure: Mapping[str, Any],
    target: Path,
    out: Path,
    progress: Progress,
) -> RepairReport:
    """Run the repair; those of one model share the measurements of it and of its reference."""
    from modelrepair.pipeline.repair import run

    arguments = arguments_of(attacked, row, measure)
    remembered = remembered_in(out, attacked, arguments, measure)
    remembered.mkdir(parents=True, exist_ok=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    settings = settings_of(RepairArguments(attacked.folder, **arguments))
    return run(settings, str(target), progress, remembered)


def remembered_in(
    out: Path, attacked: Attacked, arguments: Mapping[str, Any], measure: Mapping[str, Any]
) -> Path:
    """The file of measurements that all repairs of a model share, if measured in the same way.

    A merged adapter is another model, and what other code measured is another measurement.
    """
    kind = "merged" if arguments.get("merge") else "as-it-is"
    code = repair_code({"judge": measure.get("judge")})
    measured = digest([{**attacked.ground.sets, **measure}, code])
    return out / "remembered" / f"{attacked.folder.name}-{kind}-{measured}"


def outcome(report: RepairReport) -> dict[str, Any]:
    """The effect of a repair, as numbers."""
    measures = {role: found.to_json() for role, found in report.measures.items()}
    measures.setdefault("after", measures["before"])
    manifest = report.manifest
    # A dense edit has a repairer where a mask has a scorer.
    chose = manifest and (manifest.scorer or getattr(manifest, "repairer", None))
    return {
        "status": "done",
        "verdict": report.verdict,
        "scorer": chose.name if chose else None,
        "subject": manifest.subject if manifest else None,
        "share": manifest.masked_share if manifest else None,
        "reasons": list(report.gate.reasons) if report.gate else [],
        **{role: _values(found) for role, found in measures.items()},
    }


def _named(value: Any, attacked: Attacked) -> Any:
    """An argument with the unaligned model in place of its name in a grid."""
    if isinstance(value, Mapping):
        return {name: _named(item, attacked) for name, item in value.items()}
    if value != UNALIGNED:
        return value
    if attacked.ground.unaligned is None:
        raise UsageError(
            "this repair needs the unaligned model", hint="name it in the grid: [model] unaligned"
        )
    return str(attacked.ground.unaligned)


def general_skill(attacked: Attacked, repaired: Path) -> dict[str, Any]:
    """How well the answers to prompts of general skill are followed, before and after."""
    verdicts, utility = repaired / VERDICTS_NAME, attacked.ground.sets.get("test_utility")
    if attacked.ground.general is None or utility is None or not verdicts.exists():
        return {}
    wanted = {each.key for each in load_set(attacked.ground.general, "utility").examples}
    examples = load_set(utility, "utility").examples
    found = {}
    for role, results in read_verdicts(verdicts).items():
        rows = [each for each in results if each.set == "utility"]
        if len(rows) != len(examples):
            return {}  # some were dropped: which is which is not known here
        shares = [each.share for each in rows if examples[each.index].key in wanted]
        known = [share for share in shares if share is not None]
        found[role] = fmean(known) if known else None
    return {"general": found}


def _values(measures: Mapping[str, Any]) -> dict[str, Any]:
    """Each measure's value and count."""
    values: dict[str, Any] = {}
    for name in MEASURES:
        measure = measures.get(name)
        values[name] = None if measure is None else measure["value"]
        if name in ("harmful_score", "utility"):
            values[f"{name}_n"] = 0 if measure is None else measure["n"]
    return values
