"""Everything a repair needs, found and checked before anything is computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from modelrepair import ranks
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.errors import UnsupportedModelError, UsageError
from modelrepair.pipeline.open_models import open_skeleton
from modelrepair.preflight.model import Model
from modelrepair.progress import Progress
from modelrepair.settings.presets import PRESETS
from modelrepair.settings.settings import Arithmetic, Settings
from modelrepair.source.adapter_config import (
    Adapter,
    check_type,
    named_base,
    read_adapter,
)
from modelrepair.source.resolve import Source, resolve

if TYPE_CHECKING:
    from modelrepair.pipeline.workspace import Workspace


def fetch_source(ahead: Model, include: Sequence[str]) -> Model:
    """Fetch the weights of a source that was looked at, and those of its base.

    Args:
        ahead: the source and its base, by their headers.
        include: globs of the source's files that are taken along, too.

    Raises:
        HubError: the Hub, the rights on it, or the network.
    """
    base = None if ahead.base is None else _fetched(ahead.base.source, include)
    return replace(_fetched(ahead.source, include), base=base)


def check_layout(
    model: Model, arithmetic: Arithmetic, *, merge: bool = False, allow_partial: bool | None = None
) -> None:
    """Refuse a layout that transformers or the engine can't take, before its weights are fetched.

    Args:
        model: the source and its base, by their headers; whole ones were fetched before.
        arithmetic: what it would compute in.
        merge: whether an adapter is merged into its base first.
        allow_partial: whether it does to repair little of it; None where it is measured alone.

    Raises:
        UnsupportedModelError: it can't, or too little of it can be repaired.
    """
    if model.source.complete and (model.base is None or model.base.source.complete):
        return
    import torch

    from modelrepair.engine.sites import find_sites, require_coverage

    whole = model.base if merge and model.base is not None else model
    skeleton = open_skeleton(whole, torch.device("cpu"), arithmetic)
    if allow_partial is not None:
        sites = find_sites(skeleton, list(whole.checkpoint.entries))
        require_coverage(sites, allow_partial=allow_partial)


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


def merged(
    source: Model, workspace: Workspace, progress: Progress, include: Sequence[str]
) -> Model:
    """The adapter merged into its base; a whole model as it is.

    The merged model lies in the workspace, written whole or not at all.
    """
    if source.base is None:
        return source
    from modelrepair.engine.merge import merge

    folder = workspace.work / "merged"
    both = source.source.folder, source.base.source.folder
    ranks.share(lambda: None if folder.exists() else merge(*both, folder, progress, include))
    return Model(
        replace(source.source, folder=folder),
        Checkpoint.open(folder),
        adapter=source,
    )
