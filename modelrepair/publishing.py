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
from modelrepair.publish.kin import Kin
from modelrepair.publish.manifest import Origin
from modelrepair.publish.push import push
from modelrepair.publish.pushing import PushOptions, from_here
from modelrepair.report import RepairReport
from modelrepair.settings import Settings, check
from modelrepair.source.adapter import Adapter, names_an_id, read_adapter
from modelrepair.source.names import is_id
from modelrepair.source.reference import declared_base
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
    settings: Settings,
    out: str | None,
    progress: Progress,
    options: PushOptions,
    restart: bool = False,
) -> RepairReport:
    """Repair a model, save it, and push what was saved.

    Args:
        settings: every choice of the repair.
        out: the output folder.
        progress: where long steps are shown.
        options: where it goes.
        restart: throw away what an unfinished repair left beside the output.

    Raises:
        ModelRepairError: before anything is downloaded, where nothing could be pushed; after
            saving, where the push was stopped.
    """
    from modelrepair.pipeline import run

    check(settings)
    check_measured(settings, options)
    source, destination = try_doors(settings, options)
    report = run(
        settings, out, progress, commit=source.commit, target=destination.id, restart=restart
    )
    if report.out is None or report.manifest is None:
        return report
    why = WITHOUT_FORCE.get(report.manifest.verdict)
    if why and not options.force:
        finish = replace(options, force=True).command(report.out)
        return replace(report, warnings=(*report.warnings, f"not pushed: {why}; {finish}"))
    progress.note(f"saved in {from_here(report.out)}")
    return replace(report, pushed=push(report.out, options, progress))


def check_measured(settings: Settings, options: PushOptions) -> None:
    """Refuse to push what nobody will have measured, unless that is insisted on.

    Raises:
        UsageError: it is so.
    """
    if not settings.evaluate and not options.force:
        raise UsageError(
            "an unmeasured repair is not pushed", hint="measure it, or push it with --force"
        )


def try_doors(settings: Settings, options: PushOptions) -> tuple[Source, Destination]:
    """Find source and destination, from metadata alone.

    Raises:
        ModelRepairError: nothing could be pushed from there to there.
    """
    try:
        source = resolve(settings.source, settings.revision, weights=False)
        return source, destination_ahead(settings, source, options)
    except ModelRepairError as error:
        # Nothing is saved yet: there is no folder to finish with.
        error.hint = error.hint.replace("finish it with: the same command", "try again")
        raise


def destination_ahead(settings: Settings, source: Source, options: PushOptions) -> Destination:
    """Where the repair of a source would go, known before there is one.

    >>> destination_ahead(settings, source, PushOptions()).visibility  # doctest: +SKIP
    'public'

    Raises:
        ModelRepairError: nothing could be pushed from there to there.
    """
    refuse_lab(source.folder)
    with push_errors(options.to or source.id or source.name, "the same command"):
        return find_destination(kin_ahead(settings, source), options, source.name)


def kin_ahead(settings: Settings, source: Source) -> Kin:
    """Reference and base, where they are on the Hub: what they hold may come into the result.

    Raises:
        UsageError: an adapter's base is one that nobody else could find.
    """
    adapter = read_adapter(source.folder)
    base = None if adapter is None else _base(settings, adapter)
    reference = settings.reference
    if reference == "auto":
        reference = base or readable_base(source) or "none"
    found = {
        id: Origin(id=id, hub=True) for id in (reference, base) if id is not None and on_the_hub(id)
    }
    held = []
    if (adapter is None or settings.merge) and settings.subject != "weight":
        held.append(reference)
    if settings.merge:
        held.append(base or "none")
    return Kin(
        Origin(id=source.id or source.name, hub=source.id is not None),
        named=tuple(found.values()),
        held=tuple(found[id] for id in dict.fromkeys(held) if id in found),
    )


def _base(settings: Settings, adapter: Adapter) -> str | None:
    own = adapter.base if names_an_id(adapter) else None
    # The config of an adapter that stays one keeps the id that it names.
    if own is None and not settings.merge and not on_the_hub(settings.base or ""):
        raise UsageError(
            f"{ADAPTER_CONFIG} names no base that others can find, and can't be pushed so",
            hint="give --base with the base's id on the Hub",
        )
    return settings.base or own


def readable_base(source: Source) -> str | None:
    """The base that a source's card names, where a repair could take it for its reference.

    Raises:
        HfHubHTTPError: the Hub does not tell.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    declared = declared_base(source.folder)
    if declared is None or declared == source.id:
        return None
    try:
        HfApi().auth_check(declared)
    except HfHubHTTPError as error:
        if getattr(error.response, "status_code", None) not in (401, 403, 404):
            raise
        return None
    return declared


def on_the_hub(named: str) -> bool:
    """Whether a model that somebody named is one on the Hub, and no folder here.

    >>> on_the_hub("org/aligned"), on_the_hub("./aligned"), on_the_hub("none")
    (True, False, False)
    """
    return named != "none" and named[:1] not in ".~/" and not Path(named).exists() and is_id(named)
