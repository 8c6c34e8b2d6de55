"""Sets as users write them, and changed copies of sets."""

from __future__ import annotations

import io
import json
import random
import zipfile
from pathlib import Path


def shuffled(path: Path, into: Path, seed: int = 0) -> Path:
    """The lines of a file in another order."""
    lines = path.read_text(encoding="utf-8").splitlines()
    random.Random(seed).shuffle(lines)
    into.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return into


def write_jsonl(path: Path, rows: list[dict]) -> Path:
    """A set as users write it."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def first_rows(folder: Path, count: int) -> dict[str, Path]:
    """The first rows of the made-up world's sets, so that each answer takes a moment."""
    from modelrepair.demo import paths

    found = {}
    for role in ("realign", "refusal", "utility", "borderline"):
        lines = paths.sets[role].read_text(encoding="utf-8").splitlines(keepends=True)
        found[role] = folder / f"{role}.jsonl"
        found[role].write_text("".join(lines[:count]), encoding="utf-8")
    return found


def zipped(files: dict[str, bytes]) -> bytes:
    """A zip archive of files; the same bytes every time."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            # Without the time of now: the bytes are in test ids, which all workers must agree on.
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return stream.getvalue()
