"""Files beside a repair that are not part of it: which of them a program would load."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from modelrepair.artifact.findings import Finding
from modelrepair.checkpoint.digests import sha256_file
from modelrepair.checkpoint.roles import as_stranger, is_ours
from modelrepair.checkpoint.untrusted import find_file, open_plain
from modelrepair.errors import DamagedCheckpointError

Same = Callable[[str], bool]
"""Whether a file beside the repair stands byte for byte in the source."""

_NAMED = 10
_PICKLES = tuple(bytes((0x80, version)) for version in range(2, 6))
_GGUF = b"GGUF"


def part(
    out: Path, names: Iterable[str], same: Same, fetched: Callable[[str], bool]
) -> tuple[list[Finding], list[str]]:
    """Separate the files that a loader may read from pictures, notes and logs.

    >>> part(Path("."), ["notes.csv"], lambda name: False, lambda name: False)
    ([], ["beside the repair, and no part of it: 'notes.csv'"])

    Args:
        out: the repaired model's folder.
        names: files that are neither the source's kept ones nor ours.
        same: whether a file stands byte for byte in the source.
        fetched: whether a file is in the folder, and not only in the repository.
    """
    found: list[Finding] = []
    harmless: list[str] = []
    for name in sorted(names):
        why = _wrong(out, name, same, fetched(name))
        if why is None:
            harmless.append(repr(name))
        else:
            found.append(Finding("added", name, None, why))
    more = f" and {len(harmless) - _NAMED} more" if len(harmless) > _NAMED else ""
    named = ", ".join(harmless[:_NAMED])
    return found, [f"beside the repair, and no part of it: {named}{more}"] if harmless else []


def _wrong(out: Path, name: str, same: Same, fetched: bool) -> str | None:
    if fetched and not is_ours(name):
        try:
            path = find_file(out, name)
        except DamagedCheckpointError as error:
            return str(error)
        if path is None:
            return "is a link to nothing"
        if _start(path).startswith((*_PICKLES, _GGUF)):
            return "holds a pickle or weights under another name"
    # Only where its name alone would be wrong is it compared with the source's.
    return as_stranger(name) and as_stranger(name, same(name))


def same_in(source: Path, out: Path) -> Same:
    """Compare files of two folders.

    >>> same_in(Path("nowhere"), Path("neither"))("config.json")
    False
    """

    def same(name: str) -> bool:
        try:
            paths = find_file(source, name), find_file(out, name)
        except DamagedCheckpointError:
            return False
        one, two = paths
        return one is not None and two is not None and sha256_file(one) == sha256_file(two)

    return same


def _start(path: Path) -> bytes:
    with open_plain(path) as file:
        return file.read(4)
