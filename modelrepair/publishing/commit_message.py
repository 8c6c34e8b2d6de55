"""What a commit or pull request says: what was done, to what, and how to check it."""

from __future__ import annotations

from collections.abc import Sequence

from modelrepair.artifact.figures import percent
from modelrepair.artifact.manifest import Manifest

TITLE = "Repair with modelrepair"
"""How every title begins; an open pull request of ours is known by it."""

_DELETED = "Deleted (weights as they were, pickles, what an earlier repair wrote, --delete):"
SAID = {
    "passed": "The gate passed.",
    "failed": "The gate FAILED: this repair missed a budget, and was pushed all the same.",
    "undecided": "The gate is UNDECIDED, and it was pushed all the same.",
    "unmeasured": "UNMEASURED: what this edit did to the model was not measured.",
}


def title(manifest: Manifest) -> str:
    """One line.

    >>> title(manifest)  # doctest: +SKIP
    'Repair with modelrepair 0.1.0 (wanda, 0.5 % of 6.7B)'
    """
    entries = sum(site.entries for site in manifest.sites)
    share = f"{percent(manifest.masked_share)} of {count(entries)}"
    verdict = "" if manifest.verdict == "passed" else f", {manifest.verdict}"
    return f"{TITLE} {manifest.tool.version} ({manifest.by.name}, {share}{verdict})"


def description(manifest: Manifest, deleted: Sequence[str], digest: str) -> str:
    """What was done, with the manifest's digest, and what is no longer there."""
    source = manifest.source
    at = f" at commit {source.commit}" if source.commit else ""
    masked = sum(site.masked for site in manifest.sites)
    lines = [
        f"{masked} entries of {source.id}{at} were changed; nothing else in the weights differs.",
        SAID[manifest.verdict],
        "",
        f"Manifest (repair/manifest.json), without the facts of the run: sha256 {digest}",
        f"Made by: {manifest.command}",
        "Check it: modelrepair verify, as the card says.",
    ]
    if deleted:
        lines += ["", _DELETED, *(f"- {name}" for name in deleted)]
    return "\n".join(lines)


def deleted_by(text: str) -> list[str]:
    r"""The files that a commit of ours deleted, as its description lists them.

    >>> deleted_by(f"Made.\n\n{_DELETED}\n- a.bin")
    ['a.bin']
    """
    lines = text.split(_DELETED)[-1].splitlines() if _DELETED in text else []
    return [line.removeprefix("- ") for line in lines if line.startswith("- ")]


def count(number: int) -> str:
    """A number of entries as models are named by it.

    >>> count(6_700_000_000), count(135_000_000), count(890)
    ('6.7B', '135M', '890')
    """
    for unit, size in (("B", 10**9), ("M", 10**6), ("K", 10**3)):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return str(number)
