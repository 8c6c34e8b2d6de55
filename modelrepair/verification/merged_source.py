"""What a repair is compared with: its source as it is, or an adapter merged into its base again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from modelrepair.checkpoint.weight_files import ADAPTER
from modelrepair.errors import UsageError
from modelrepair.moving import temporary_folder
from modelrepair.plugin.names import SubjectKind
from modelrepair.progress import Progress


@contextmanager
def original(
    source: Path,
    base: Path | None,
    subject: SubjectKind,
    progress: Progress | None = None,
    include: Sequence[str] = (),
) -> Iterator[Path]:
    """The folder that a mask of this subject acts on, for the time of a context.

    An adapter whose factors were masked is its own. One that was merged first is merged again,
    which takes torch and peft; its digests show whether the same came out.

    >>> with original(Path("model"), None, "weight") as folder:
    ...     folder
    PosixPath('model')

    Args:
        source: the source's folder: a whole model, or an adapter.
        base: the folder of the model that the adapter adapts.
        subject: what was masked.
        progress: where the merging is shown.
        include: globs of files that the repair kept, too.

    Raises:
        UsageError: a merged adapter without its base.
    """
    if subject == "factor" or not (source / ADAPTER).is_file():
        yield source
        return
    if base is None:
        raise UsageError(
            f"{source.name!r} is an adapter, and what was repaired is its merge with its base",
            hint="name the base with --base",
        )
    from modelrepair.engine.merge import merge

    with temporary_folder() as folder:
        merged = folder / source.name
        merge(source, base, merged, progress or Progress(), include)
        yield merged
