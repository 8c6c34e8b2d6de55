"""A dense edit against its manifest: which tensors have new values, and that they are those."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modelrepair import load_manifest, verify
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.demo import paths


def codes(folder: Path, source: Path = paths.attacked) -> list[str]:
    return [finding.code for finding in verify(folder, source=source).findings]


def overwrite(folder: Path, name: str, position: int) -> None:
    entry = Checkpoint.open(folder).entries[name]
    with (folder / entry.file).open("r+b") as file:
        file.seek(entry.offset + 2 * position)
        byte = file.read(1)[0]
        file.seek(entry.offset + 2 * position)
        file.write(bytes([byte ^ 1]))


@pytest.mark.usefixtures("own_repairers")
def test_verification_finds_every_other_byte(edit):
    out = edit().out
    model, manifest = out / "model.safetensors", out / "repair" / "manifest.json"
    whole, said = model.read_bytes(), manifest.read_text()
    assert codes(out) == []
    named = next(site.name for site in load_manifest(out).sites if site.masked)
    overwrite(out, named, 5)
    assert "edited-value" in codes(out)
    model.write_bytes(whole)
    unnamed = next(site.name for site in load_manifest(out).sites if not site.masked)
    for name in (unnamed, "model.embed_tokens.weight", "model.norm.weight"):
        overwrite(out, name, 3)
        assert "outside-edit" in codes(out), name
        model.write_bytes(whole)
    model.write_bytes(whole[:-2])
    assert "changed" in codes(out)
    model.write_bytes(whole)
    (out / "repair" / "mask.safetensors").write_bytes(b"")
    assert codes(out) == ["added"]
    (out / "repair" / "mask.safetensors").unlink()
    document = json.loads(said)
    changed = next(site for site in document["sites"] if site["masked"])
    for key, value in (("masked", changed["masked"] - 1), ("norm_removed", 0.9)):
        manifest.write_text(
            json.dumps(
                document
                | {
                    "sites": [
                        site | ({key: value} if site is changed else {})
                        for site in document["sites"]
                    ]
                }
            )
        )
        assert "count" in codes(out), key
    manifest.write_text(
        json.dumps(
            document
            | {
                "sites": [
                    site | ({"masked": 0} if site is changed else {}) for site in document["sites"]
                ]
            }
        )
    )
    assert "outside-edit" in codes(out)
    manifest.write_text(said)
    assert "wrong-source" in codes(out, paths.reference)
    assert codes(out) == []
