"""What of a source a repair keeps and what it leaves behind, known before a weight is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from modelrepair.bench import Model, Notes
from modelrepair.beside import check_beside
from modelrepair.checkpoint.folder import ADAPTER_CONFIG, INDEX, weight_files
from modelrepair.errors import ModelRepairError, UsageError
from modelrepair.progress import Progress
from modelrepair.publish.files import (
    CARD_NAME,
    Files,
    by_reason,
    check_include,
    classify,
    reason_left_behind,
)
from modelrepair.publish.manifest import LONGEST_GLOB, MOST_GLOBS
from modelrepair.settings import Settings
from modelrepair.source.adapter import names_an_id, read_adapter
from modelrepair.source.resolve import Source


def files_of_source(source: Source, include: Sequence[str] = ()) -> Files:
    """The files of a source, by what becomes of them; those that were not fetched among them.

    >>> files_of_source(resolve("user/model", weights=False)).left_behind  # doctest: +SKIP
    {'README.md': 'the old card, quoted below the new one', 'optimizer.pt': 'training state'}
    """
    folder = source.folder
    try:
        found = weight_files(folder)
        weights, index = found.files, found.index
    except ModelRepairError:
        if source.complete:
            raise
        weights = tuple(sorted(path.name for path in folder.glob("*.safetensors")))
        index = INDEX if (folder / INDEX).exists() else None
    files = classify(folder, weights=weights, index=index, include=include)
    rest = {name: reason_left_behind(name, include) or "not fetched" for name in source.left_behind}
    return replace(files, left_behind=dict(sorted({**rest, **files.left_behind}.items())))


def left_ahead(settings: Settings, source: Source, base: Source | None) -> dict[str, str]:
    """What will stay behind, with the reasons; of an adapter's base too, where it is merged.

    >>> left_ahead(settings, source, None)  # doctest: +SKIP
    {'README.md': 'the old card, quoted below the new one'}

    Raises:
        UsageError: a glob of ``--include`` that takes nothing along, or too many of them.
    """
    if len(settings.include) > MOST_GLOBS or any(len(g) > LONGEST_GLOB for g in settings.include):
        raise UsageError(
            f"more than {MOST_GLOBS} globs for --include, or one over {LONGEST_GLOB:,} letters",
            hint="say the same with fewer, such as notes/*",
        )
    left: dict[str, str] = {}
    kept: set[str] = set()
    for model in (base if settings.merge else None, source):
        if model is not None:
            files = files_of_source(model, settings.include)
            left |= files.left_behind
            kept |= {*files.kept}
    check_include(settings.include, left, kept)
    return {name: reason for name, reason in left.items() if name != CARD_NAME}


def check_left(settings: Settings, source: Model, progress: Progress) -> None:
    """Tell what stays behind, and make sure that the model does without.

    Raises:
        UsageError: a glob of ``--include`` that takes nothing along.
        UnsupportedModelError: the model needs a file that would stay behind.
    """
    base = source.base
    left = left_ahead(settings, source.source, None if base is None else base.source)
    for reason, names in by_reason(left).items():
        progress.note(f"left behind, {reason}: {names}")
    for model in (base if settings.merge else None, source):
        if model is not None:
            files = files_of_source(model.source, settings.include)
            check_beside(model.source.folder, files, model.name)


def base_id(source: Model, notes: Notes) -> str | None:
    """The Hub id that takes the place of a local path in an adapter's config, if it is known.

    A path of somebody's machine is no use to anybody else, and is nobody's business.
    """
    adapter = None if source.base is None else read_adapter(source.source.folder)
    if adapter is None or source.base is None or names_an_id(adapter):
        return None
    if source.base.source.id is None:
        notes.warn(
            f"{ADAPTER_CONFIG} names no base that others can find, and can't be pushed so: "
            "--base with a Hub id mends it"
        )
    return source.base.source.id
