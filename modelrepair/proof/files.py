"""Every file of a repaired model is kept, changed or ours: which are not."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from modelrepair.checkpoint.folder import ADAPTER_CONFIG, BASE_KEY
from modelrepair.proof.findings import Finding
from modelrepair.publish.files import CARD_NAME, Files
from modelrepair.publish.manifest import MANIFEST_NAME, Manifest
from modelrepair.publish.output import MASK_NAME
from modelrepair.publish.plot import FRONTIER_NAME, PLOT_NAME
from modelrepair.publish.values import VALUES_NAME
from modelrepair.publish.verdicts import VERDICTS_NAME

_OURS = {MASK_NAME, VERDICTS_NAME, PLOT_NAME, FRONTIER_NAME, VALUES_NAME}
# The Hub adds the first, its download client the second; no loader reads either.
_FROM_THE_HUB = ".gitattributes"
_FROM_THE_CLIENT = ".cache/huggingface/"


def check_presence(out: Path, manifest: Manifest, files: Files) -> Iterator[Finding]:
    """Find files that are missing, and files that nobody accounts for.

    >>> list(check_presence(out, manifest, classify(source)))  # doctest: +SKIP
    []
    """
    ours = {name for name in manifest.files if name in _OURS}
    ours |= {CARD_NAME, MANIFEST_NAME} | ({MASK_NAME} if manifest.edit == "mask" else set())
    if manifest.measures:
        ours.add(VERDICTS_NAME)
    expected = {*files.weights, *files.kept, *ours}
    found = set(files_of(out))
    for name in sorted(found - expected):
        known = "the manifest names it" if name in manifest.files else "the manifest does not"
        yield Finding("added", name, None, f"is no file of the source, nor ours ({known})")
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
        digests[name] = sha256(source / name)
        if not (out / name).is_file():
            continue
        found = sha256(out / name)
        if name in manifest.rewritten:
            if name != ADAPTER_CONFIG or not _same_but_base(out / name, source / name, manifest):
                findings.append(Finding("changed", name, None, f"differs in more than {BASE_KEY}"))
        elif found != digests[name] and digests[name] == manifest.source.files.get(name):
            findings.append(Finding("changed", name, None, "differs from the source's"))
            continue
        findings += check_digest(name, found, manifest)
    return findings, digests


def check_ours(out: Path, manifest: Manifest) -> Iterator[Finding]:
    """Compare mask, verdicts, picture and values with the manifest."""
    for name in sorted(_OURS):
        if (out / name).is_file() and name in manifest.files:
            yield from check_digest(name, sha256(out / name), manifest)


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
        found = sha256(base / name) if (base / name).is_file() else None
        if found != expected:
            has = f"sha256 {found[:12]}…" if found else "no such file"
            message = f"this is not the base {manifest.base.id}: {has}, expected {expected[:12]}…"
            yield Finding("wrong-base", name, None, message)
            return


def check_digest(name: str, found: str, manifest: Manifest) -> Iterator[Finding]:
    """Find a file that is not the one in the manifest."""
    expected = manifest.files.get(name)
    if expected is not None and found != expected:
        yield Finding(
            "changed", name, None, f"has sha256 {found[:12]}…, the manifest says {expected[:12]}…"
        )


def files_of(folder: Path) -> Iterator[str]:
    """Every file below a folder, but what the Hub and its client put there.

    >>> sorted(files_of(Path("model-repaired")))  # doctest: +SKIP
    ['README.md', 'config.json', 'model.safetensors', 'repair/manifest.json', …]
    """
    for path, folders, names in os.walk(folder):
        links = [name for name in folders if (Path(path) / name).is_symlink()]
        for name in [*names, *links]:
            relative = (Path(path) / name).relative_to(folder).as_posix()
            if relative != _FROM_THE_HUB and not relative.startswith(_FROM_THE_CLIENT):
                yield relative


def sha256(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _same_but_base(out: Path, source: Path, manifest: Manifest) -> bool:
    try:
        new, old = json.loads(out.read_bytes()), json.loads(source.read_bytes())
        return bool({**old, BASE_KEY: new[BASE_KEY]} == new) and (
            manifest.base is not None and new[BASE_KEY] == manifest.base.id
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return False
