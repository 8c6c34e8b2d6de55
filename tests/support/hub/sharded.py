"""A sharded model on the local Hub, and quick repairs of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from modelrepair.demo import paths
from tests.support.hub.repaired import files_of
from tests.support.hub.state import Hub

SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
QUICK = ["--realign=realign.jsonl", "--judge=demo-world", "--scorer=wanda", "--ratio=0.01",
         "--examples=8", "--no-evaluate", "--push", "--force", "--json"]  # fmt: skip
CARD = b"""---
license: apache-2.0
base_model: org/aligned
model-index:
- name: theirs
  results:
  - task: {type: text-generation}
    dataset: {name: d, type: d}
    metrics: [{type: theirs, value: 0.9}]
---
Mine.
"""


def sharded(folder: Path) -> dict[str, bytes]:
    """The demo's broken model in two shards, with pickles beside it."""
    from safetensors.torch import load, save

    files = files_of(folder)
    tensors = load(files.pop("model.safetensors"))
    names = sorted(tensors)
    parts = names[: len(names) // 2], names[len(names) // 2 :]
    weight_map = {}
    for file, chosen in zip(SHARDS, parts, strict=True):
        files[file] = save({name: tensors[name] for name in chosen}, {"format": "pt"})
        weight_map |= dict.fromkeys(chosen, file)
    index = {"metadata": {"total_size": 1}, "weight_map": weight_map}
    files["model.safetensors.index.json"] = json.dumps(index).encode()
    more = {"README.md": CARD, "training_args.bin": b"\x80\x02pickle", "tf_model.h5": b"old"}
    return {**files, **more}


def fill(hub: Hub, owner: str = "user") -> str:
    """The broken model and its aligned base on the Hub."""
    hub.add("org/aligned", files_of(paths.reference))
    return hub.add(f"{owner}/broken", sharded(paths.attacked))


@pytest.fixture(name="here")
def here_fixture(tmp_path):
    folder = tmp_path / "secretuser" / "work"
    folder.mkdir(parents=True)
    shutil.copy(paths.sets["realign"], folder / "realign.jsonl")
    return folder
