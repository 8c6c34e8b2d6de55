"""Which files of a source a repair keeps, those that were not fetched among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from modelrepair.checkpoint.kept_files import Files, classify, reason_left_behind
from modelrepair.checkpoint.weight_files import INDEX, weight_files
from modelrepair.errors import ModelRepairError
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
