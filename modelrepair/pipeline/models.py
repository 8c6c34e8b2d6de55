"""Everything a repair needs, found and checked before anything is computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.errors import UnsupportedModelError, UsageError
from modelrepair.pipeline.open_models import open_skeleton
from modelrepair.preflight.model import Model
from modelrepair.progress import Progress
from modelrepair.settings.presets import PRESETS
from modelrepair.settings.settings import Settings
from modelrepair.source.adapter_config import (
    Adapter,
    check_type,
    named_base,
    read_adapter,
)
from modelrepair.source.resolve import Source, resolve

if TYPE_CHECKING:
    from modelrepair.pipeline.workspace import Workspace


def fetch_source(settings: Settings, ahead: Model, *, repair: bool = True) -> Model:
    """Fetch the weights of a source that was looked at, and those of its base.

    Args:
        settings: what the user chose.
        ahead: the source and its base, by their headers.
        repair: whether it is to be repaired, and not measured alone.

    Raises:
        UnsupportedModelError: a layout that can't be taken, before a weight is fetched.
        HubError: the Hub, the rights on it, or the network.
    """
    if not (ahead.source.complete and (ahead.base is None or ahead.base.source.complete)):
        _check_layout(settings, ahead, repair=repair)
    base = None if ahead.base is None else _fetched(ahead.base.source, settings.include)
    return replace(_fetched(ahead.source, settings.include), base=base)


def _check_layout(settings: Settings, model: Model, *, repair: bool) -> None:
    """Refuse a layout that transformers or the engine can't take, before its weights are fetched.

    Raises:
        UnsupportedModelError: it can't, or too little of it can be repaired.
    """
    import torch

    from modelrepair.engine.sites import find_sites, require_coverage

    whole = model.base if settings.merge and model.base is not None else model
    skeleton = open_skeleton(settings, whole, torch.device("cpu"))
    if repair:
        sites = find_sites(skeleton, list(whole.checkpoint.entries))
        require_coverage(sites, allow_partial=settings.allow_partial)


def _fetched(found: Source, include: Sequence[str]) -> Model:
    """A model that was looked at, with its weights on disk."""
    if not found.complete:
        found = resolve(str(found.id), commit=found.commit, local=False, include=include)
    return Model(found, Checkpoint.open(found.folder))


def check_subject(settings: Settings, adapter: Adapter | None) -> None:
    """Refuse what the source does not have: factors of a whole model, a delta of an adapter.

    Raises:
        UsageError: for these, and for options that go with adapters alone.
        UnsupportedModelError: an adapter that can't be repaired.
    """
    needs_adapter = settings.preset is not None and PRESETS[settings.preset].adapter
    if adapter is None:
        for option, given in (("--base", settings.base), ("--merge", settings.merge)):
            if given:
                raise UsageError(
                    f"{option} was given, and the source is no adapter",
                    hint=f"leave {option} out; the aligned model is named with --reference",
                )
        if settings.subject == "factor" or needs_adapter:
            raise UsageError(
                "the source is a whole model: it has no factors"
                + (f", which --preset {settings.preset} masks" if needs_adapter else ""),
                hint="give the adapter, or leave the option out",
            )
        return
    if settings.repairer is not None and not settings.merge:
        raise UsageError(
            "a repairer gives whole matrices new values, and the source is an adapter",
            hint="add --merge to repair the whole model of adapter and base",
        )
    if settings.subject in ("delta", "weight") and not settings.merge:
        raise UsageError(
            f"an adapter has factors and no {settings.subject} of its own",
            hint="add --merge to repair the whole model of adapter and base, or leave "
            "--subject out",
        )
    if settings.merge and (settings.subject == "factor" or needs_adapter):
        raise UsageError(
            "a merged adapter has no factors", hint="leave out --merge, or the option beside it"
        )
    check_type(adapter, merge=settings.merge)


def find_base(
    given: str | None, adapter: Adapter, *, weights: bool = True, include: Sequence[str] = ()
) -> Source:
    """Fetch or find what an adapter adapts: as named by the user, else by its config as an id.

    Raises:
        UsageError: it is not named, or the config does by a local path.
        UnsupportedModelError: it is an adapter itself.
    """
    if given is not None:
        found = resolve(given, weights=weights, include=include)
    else:
        found = resolve(
            named_base(adapter), adapter.revision, weights=weights, local=False, include=include
        )
    if read_adapter(found.folder) is not None:
        raise UnsupportedModelError(
            f"the base {found.id or found.name} is an adapter itself",
            hint="merge that one into its base with peft, and give the result with --base",
            id="unsupported-adapter",
        )
    return found


def merged(settings: Settings, source: Model, workspace: Workspace, progress: Progress) -> Model:
    """The adapter merged into its base, where that is asked for; else the source as it is.

    The merged model lies in the workspace, written whole or not at all.
    """
    if not settings.merge or source.base is None:
        return source
    from modelrepair.engine.merge import merge

    folder = workspace.work / "merged"
    if not folder.exists():
        merge(source.source.folder, source.base.source.folder, folder, progress, settings.include)
    return Model(
        replace(source.source, folder=folder),
        Checkpoint.open(folder),
        adapter=source,
    )
