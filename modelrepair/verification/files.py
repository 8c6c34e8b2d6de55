"""Every file of a repaired model is kept, changed or ours: which are not."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from modelrepair.artifact.findings import Finding
from modelrepair.artifact.manifest import MANIFEST_NAME, Manifest
from modelrepair.artifact.plots import FRONTIER_NAME, PLOT_NAME
from modelrepair.artifact.rewriting import follows
from modelrepair.artifact.verdicts import VERDICTS_NAME
from modelrepair.artifact.writer import MASK_NAME
from modelrepair.checkpoint.digests import sha256_file
from modelrepair.checkpoint.kept_files import CARD_NAME, Files, files_of
from modelrepair.checkpoint.roles import holds_weights
from modelrepair.checkpoint.untrusted import find_file, read_file
from modelrepair.checkpoint.values import VALUES_NAME
from modelrepair.errors import DamagedCheckpointError, ModelRepairError
from modelrepair.verification.strangers import Same, part

_OURS = {MASK_NAME, VERDICTS_NAME, PLOT_NAME, FRONTIER_NAME, VALUES_NAME}


def check_presence(
    out: Path, manifest: Manifest, files: Files, same: Same, elsewhere: Iterable[str] = ()
) -> tuple[list[Finding], list[str]]:
    """Find files that are missing, and files that are no part of the repair; and note the latter.

    >>> check_presence(out, manifest, classify(source), same_in(source, out))  # doctest: +SKIP
    ([], [])

    Args:
        out: the repaired model's folder.
        manifest: the manifest.
        files: the source's files, sorted by our rules.
        same: whether a file stands byte for byte in the source.
        elsewhere: files of the repository that were not fetched.
    """
    # What a repair of this kind has; anything else among its record is none of it, listed or not.
    ours = {CARD_NAME, MANIFEST_NAME} | (manifest.files.keys() & {PLOT_NAME, FRONTIER_NAME})
    if manifest.edit == "mask":
        ours |= {MASK_NAME} | (manifest.files.keys() & {VALUES_NAME})
    if manifest.measures:
        ours.add(VERDICTS_NAME)
    expected = {*files.weights, *files.kept, *ours}
    found = set(files_of(out))
    added, notes = part(out, {*found, *elsewhere} - expected, same, found.__contains__)
    return [*added, *_missing(out, manifest, expected, found)], notes


def _missing(
    out: Path, manifest: Manifest, expected: set[str], found: set[str]
) -> Iterator[Finding]:
    for name in sorted(expected):
        if name not in found:
            yield Finding("missing", name, None, "is not in the repaired model")
        elif not (out / name).is_file():
            yield Finding("missing", name, None, "is no file, or a link to nothing")
    for name in sorted((manifest.files.keys() - expected) - found):
        yield Finding("missing", name, None, "is in the manifest and nowhere else")
    for name in sorted((expected & found) - manifest.files.keys() - {CARD_NAME, MANIFEST_NAME}):
        yield Finding("manifest", name, None, "has no digest in the manifest")


def check_kept(
    out: Path, source: Path, manifest: Manifest, files: Files
) -> tuple[list[Finding], dict[str, str]]:
    """Compare kept files with the source's; the source's digests come back with the findings."""
    findings: list[Finding] = []
    digests: dict[str, str] = {}
    for name in files.kept:
        digests[name] = sha256_file(source / name)
        if not (out / name).is_file():
            continue
        found = sha256_file(out / name)
        if name in manifest.rewritten and found != digests[name]:
            if not _follows(out, source, name, manifest):
                message = "differs in more than what may be rewritten"
                findings.append(Finding("changed", name, None, message))
        elif found != digests[name] and digests[name] == manifest.source.files.get(name):
            findings.append(changed(out, name, found, digests[name], "the source's has"))
            continue
        findings += check_digest(out, name, found, manifest)
    return findings, digests


def check_ours(out: Path, manifest: Manifest) -> Iterator[Finding]:
    """Compare mask, verdicts, picture and values with the manifest."""
    for name in sorted(_OURS):
        if (out / name).is_file() and name in manifest.files:
            yield from check_digest(out, name, sha256_file(out / name), manifest)


def check_base(base: Path | None, manifest: Manifest) -> Iterator[Finding]:
    """Find a base that is not the one which the adapter was repaired on; None is none to look at.

    >>> list(check_base(None, manifest))  # doctest: +SKIP
    []
    """
    if base is None:
        return
    if manifest.base is None:
        yield Finding("wrong-base", base.name, None, "the manifest knows no base: no adapter")
        return
    for name, expected in manifest.base.files.items():
        try:
            path = find_file(base, name)
        except DamagedCheckpointError as error:
            yield Finding("manifest", MANIFEST_NAME, None, str(error))
            return
        found = None if path is None else sha256_file(path)
        if found != expected:
            has = f"sha256 {found[:12]}…" if found else "no such file"
            message = f"this is not the base {manifest.base.id}: {has}, expected {expected[:12]}…"
            yield Finding("wrong-base", name, None, message)
            return


def check_digest(out: Path, name: str, found: str, manifest: Manifest) -> Iterator[Finding]:
    """Find a file that is not the one in the manifest."""
    expected = manifest.files.get(name)
    if expected is not None and found != expected:
        yield changed(out, name, found, expected, "the manifest says")


def changed(out: Path, name: str, found: str, expected: str, whose: str) -> Finding:
    """Say how a file differs: where git's core.autocrlf changed its line ends, just that."""
    if not holds_weights(name) and _with_lf(out / name) == expected:
        return Finding("line-ends", name, None, "has CRLF line ends (git's core.autocrlf?)")
    message = f"has sha256 {found[:12]}…, {whose} {expected[:12]}…"
    return Finding("changed", name, None, message)


def _with_lf(path: Path) -> str:
    """SHA-256 of a text file as it is without carriage returns before line feeds."""
    digest, held = hashlib.sha256(), b""
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            piece = held + piece
            held = b"\r" if piece.endswith(b"\r") else b""
            digest.update(piece.removesuffix(held).replace(b"\r\n", b"\n"))
    digest.update(held)
    return digest.hexdigest()


def _follows(out: Path, source: Path, name: str, manifest: Manifest) -> bool:
    """Whether a rewritten file says what the source's says, but for what may go."""
    base = manifest.base.id if manifest.base is not None and manifest.base.hub else None
    try:
        old, new = read_file(source, name), read_file(out, name)
    except ModelRepairError:
        return False
    return old is not None and new is not None and follows(name, old, new, base)
