"""What of a source a repair keeps and what it leaves behind, known before a weight is read."""

from __future__ import annotations

from collections.abc import Sequence

from modelrepair.artifact.manifest import LONGEST_GLOB, MOST_GLOBS
from modelrepair.checkpoint.kept_files import CARD_NAME, by_reason, check_include
from modelrepair.checkpoint.weight_files import ADAPTER_CONFIG
from modelrepair.errors import UsageError
from modelrepair.pipeline.kept_whole import check_beside
from modelrepair.preflight.model import Model
from modelrepair.progress import Notes, Progress
from modelrepair.source.adapter_config import names_an_id, read_adapter
from modelrepair.source.kept import files_of_source
from modelrepair.source.resolve import Source


def left_ahead(
    source: Source, base: Source | None = None, include: Sequence[str] = ()
) -> dict[str, str]:
    """What will stay behind, with the reasons.

    >>> left_ahead(source)  # doctest: +SKIP
    {'README.md': 'the old card, quoted below the new one'}

    Args:
        source: the model.
        base: what an adapter is merged into; None where it is not.
        include: globs of files that are taken along, too.

    Raises:
        UsageError: a glob of ``--include`` that takes nothing along, or too many of them.
    """
    if len(include) > MOST_GLOBS or any(len(each) > LONGEST_GLOB for each in include):
        raise UsageError(
            f"more than {MOST_GLOBS} globs for --include, or one over {LONGEST_GLOB:,} letters",
            hint="say the same with fewer, such as notes/*",
        )
    left: dict[str, str] = {}
    kept: set[str] = set()
    for model in (base, source):
        if model is not None:
            files = files_of_source(model, include)
            left |= files.left_behind
            kept |= {*files.kept}
    check_include(include, left, kept)
    return {name: reason for name, reason in left.items() if name != CARD_NAME}


def check_left(source: Model, progress: Progress, include: Sequence[str], *, merge: bool) -> None:
    """Report what stays behind, and make sure that the model does without.

    Raises:
        UsageError: a glob of ``--include`` that takes nothing along.
        UnsupportedModelError: the model needs a file that would stay behind.
    """
    base = source.base if merge else None
    left = left_ahead(source.source, None if base is None else base.source, include)
    for reason, names in by_reason(left).items():
        progress.note(f"left behind, {reason}: {names}")
    for model in (base, source):
        if model is not None:
            files = files_of_source(model.source, include)
            check_beside(model.source.folder, files, model.name)


def base_id(source: Model, notes: Notes) -> str | None:
    """The Hub id that takes the place of a local path in an adapter's config, if it is known.

    A path of the user's machine is useless to others, and private.
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
