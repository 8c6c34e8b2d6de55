"""Whether a folder holds the files that a record names, and no others."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from modelrepair.progress import Progress


def first_change(
    folder: Path, files: Mapping[str, str], beside: Collection[str], progress: Progress
) -> str | None:
    """The first difference of a folder from what it should hold; None where it holds just that.

    >>> first_change(Path("model-repaired"), manifest.files, (), progress)  # doctest: +SKIP
    "'config.json' is missing"

    Args:
        folder: the folder.
        files: the SHA-256 of each file that it should hold.
        beside: files that may lie there, too, whatever is in them.
        progress: where the bytes read are shown.
    """
    from modelrepair.checkpoint.digests import sha256_file
    from modelrepair.checkpoint.kept_files import files_of

    found = set(files_of(folder))
    missing = sorted(files.keys() - found)
    strangers = sorted(found - files.keys() - {*beside})
    if missing or strangers:
        return f"{(missing or strangers)[0]!r} is {'missing' if missing else 'no part of it'}"
    sizes = {name: (folder / name).stat().st_size for name in files}
    with progress.step("checking the files", sum(sizes.values()), "bytes") as advance:
        for name, digest in files.items():
            if sha256_file(folder / name) != digest:
                return f"{name!r} is not the file that it was"
            advance(sizes[name])
    return None
