"""Forge a repair, then compute every digest again."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from modelrepair.artifact.card import render_card
from modelrepair.artifact.manifest import MANIFEST_NAME, Manifest
from modelrepair.artifact.records import Origin
from modelrepair.checkpoint.kept_files import CARD_NAME, card_text
from modelrepair.verification.verify import verify
from tests.support.small_repairs import Made, make_repair

BASE = Origin(id="org/base", hub=True, files={"model.safetensors": "0" * 64})


@pytest.fixture(name="untouched", scope="module", params=["weight", "delta"])
def untouched_fixture(request, tmp_path_factory) -> Made:
    folder = tmp_path_factory.mktemp("sealed")
    return make_repair(folder, subject=request.param, store_values=True, base=BASE)


@pytest.fixture(name="made")
def made_fixture(untouched, tmp_path) -> Made:
    return replace(untouched, out=Path(shutil.copytree(untouched.out, tmp_path / "out")))


def seal(made: Made, edit: Callable[[dict[str, Any]], object] = lambda document: None) -> None:
    """Edit the manifest, and make digests and card of all that lies there now."""
    path = made.out / MANIFEST_NAME
    document = json.loads(path.read_text())
    for name in document["files"]:
        document["files"][name] = hashlib.sha256((made.out / name).read_bytes()).hexdigest()
    edit(document)
    manifest = Manifest.model_validate(document)
    path.write_text(json.dumps(manifest.model_dump(mode="json")))
    (made.out / CARD_NAME).write_text(render_card(manifest, card_text(made.source)))


def codes(made: Made) -> set[str]:
    found = verify(made.out, source=made.source, reference=made.reference)
    return {finding.code for finding in found.findings}


def rewrite(path: Path, change: Callable[[dict[str, Any], dict[str, bytes]], object]) -> None:
    """Write a safetensors file again after a change of its metadata and its tensors' bytes."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    table = json.loads(data[8 : 8 + size])
    metadata = table.pop("__metadata__", {})
    tensors = {name: data[8 + size :][slice(*each["data_offsets"])] for name, each in table.items()}
    change(metadata, tensors)
    header: dict[str, Any] = {"__metadata__": metadata} if metadata else {}
    at = 0
    for name, blob in tensors.items():
        offsets = [at, at + len(blob)]
        header[name] = {"dtype": "U8", "shape": [len(blob)], "data_offsets": offsets}
        at += len(blob)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"".join(tensors.values()))
