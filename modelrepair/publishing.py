"""A repair that is pushed: the doors are tried before a weight is read, and used after saving."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from modelrepair.checkpoint.folder import ADAPTER_CONFIG
from modelrepair.errors import ModelRepairError, UsageError
from modelrepair.progress import Progress
from modelrepair.publish.admission import WITHOUT_FORCE, refuse_lab
from modelrepair.publish.destination import Destination, find_destination
from modelrepair.publish.huberrors import push_errors
from modelrepair.publish.manifest import Origin
from modelrepair.publish.push import push
from modelrepair.publish.pushing import PushOptions
from modelrepair.report import RepairReport
from modelrepair.settings import Settings, check
from modelrepair.source.adapter import names_an_id, read_adapter
from modelrepair.source.reference import is_id
from modelrepair.source.resolve import Source, resolve


def push_options(wanted: bool, given: Mapping[str, Any]) -> PushOptions | None:
    """What was asked of a push; None where nothing is to be pushed.

    >>> push_options(True, {"to": "me/mine"}).to
    'me/mine'

    Args:
        wanted: whether to push at all.
        given: the options by name.

    Raises:
        UsageError: an option of a push, and no push.
    """
    chosen = {each.name: given[each.name] for each in fields(PushOptions) if given.get(each.name)}
    if not wanted and chosen:
        name = next(iter(chosen)).replace("_", "-")
        raise UsageError(f"--{name} without --push", hint="add --push, or leave it out")
    return PushOptions(**chosen) if wanted else None


def repair_and_push(
    settings: Settings, out: str | None, progress: Progress, options: PushOptions
) -> RepairReport:
    """Repair a model, save it, and push what was saved.

    Args:
        settings: every choice of the repair.
        out: the output folder.
        progress: where long steps are shown.
        options: where it goes.

    Raises:
        ModelRepairError: before anything is downloaded, where nothing could be pushed; after
            saving, where the push was stopped.
    """
    from modelrepair.pipeline import run

    check(settings)
    if not settings.evaluate and not options.force:
        raise UsageError(
            "an unmeasured repair is not pushed", hint="measure it, or push it with --force"
        )
    source, destination = try_doors(settings, options)
    report = run(settings, out, progress, commit=source.commit, target=destination.id)
    if report.out is None or report.manifest is None:
        return report
    why = WITHOUT_FORCE.get(report.manifest.verdict)
    if why and not options.force:
        finish = replace(options, force=True).command(report.out)
        return replace(report, warnings=(*report.warnings, f"not pushed: {why}; {finish}"))
    progress.note(f"saved in {report.out}")
    return replace(report, pushed=push(report.out, options, progress))


def try_doors(settings: Settings, options: PushOptions) -> tuple[Source, Destination]:
    """Find source and destination, from metadata alone.

    Raises:
        ModelRepairError: nothing could be pushed from there to there.
    """
    try:
        source = resolve(settings.source, settings.revision, weights=False)
        refuse_lab(source.folder)
        others = named_models(settings, source)
        origin = Origin(id=source.id or source.name, hub=source.id is not None)
        with push_errors(options.to or origin.id, "the same command"):
            return source, find_destination(origin, others, options, source.name)
    except ModelRepairError as error:
        # Nothing is saved yet: there is no folder to finish with.
        error.hint = error.hint.replace("finish it with: the same command", "try again")
        raise


def named_models(settings: Settings, source: Source) -> list[Origin]:
    """Reference and base, where an id was given for them: what they hold comes into the result.

    Raises:
        UsageError: an adapter's base is one that nobody else could find.
    """
    named = [settings.reference] if settings.reference not in ("auto", "none") else []
    if (base := _base(settings, source)) is not None:
        named.append(base)
    return [Origin(id=each, hub=True) for each in named if _on_hub(each)]


def _base(settings: Settings, source: Source) -> str | None:
    adapter = read_adapter(source.folder)
    if adapter is None:
        return None
    own = adapter.base if names_an_id(adapter) else None
    # The config of an adapter that stays one keeps the id that it names.
    if own is None and not settings.merge and not _on_hub(settings.base or ""):
        raise UsageError(
            f"{ADAPTER_CONFIG} names no base that others can find, and can't be pushed so",
            hint="give --base with the base's id on the Hub",
        )
    return settings.base or own


def _on_hub(named: str) -> bool:
    return named[:1] not in ".~/" and not Path(named).exists() and is_id(named)
