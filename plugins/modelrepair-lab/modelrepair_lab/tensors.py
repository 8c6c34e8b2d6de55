"""A checkpoint as tensors: read, changed in float32, and written whole beside its other files."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from modelrepair_lab.models import CONFIG
from modelrepair_lab.saving import belongs_to_any

Tensors = dict[str, torch.Tensor]
DTYPES = {"BF16": torch.bfloat16, "F16": torch.float16, "F32": torch.float32}
INDEX = "model.safetensors.index.json"
_LAYER = re.compile(r"\.layers\.(\d+)\.")


def read(folder: Path) -> Tensors:
    """The tensors of a folder's weights in float32."""
    return {
        name: tensor.float()
        for path in sorted(folder.glob("*.safetensors"))
        for name, tensor in load_file(path).items()
    }


def dtype_of(folder: Path) -> str:
    """The dtype that a model's weights are written in: its config's, else float32."""
    said = json.loads((folder / CONFIG).read_bytes()).get("dtype")
    return next((name for name, each in DTYPES.items() if str(each) == f"torch.{said}"), "F32")


def write(
    folder: Path, tensors: Mapping[str, torch.Tensor], source: Path, dtype: str = "BF16",
    shards: int = 1,
) -> None:  # fmt: skip
    """Write tensors with the config and the other files of their source, rounded to a dtype.

    An entry that was not changed keeps its bits: float32 holds every value of the others.
    """
    shutil.copyfile(source / CONFIG, folder / CONFIG)
    for path in sorted(source.iterdir()):
        if path.is_file() and belongs_to_any(path.name):
            shutil.copyfile(path, folder / path.name)
    rounded = {name: each.to(DTYPES[dtype]).contiguous() for name, each in tensors.items()}
    save_shards(folder, rounded, shards)
    config = json.loads((folder / CONFIG).read_bytes())
    config["dtype"] = str(DTYPES[dtype]).removeprefix("torch.")
    (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def save_shards(folder: Path, tensors: Mapping[str, torch.Tensor], shards: int) -> None:
    """One file, or several with their index."""
    metadata = {"format": "pt"}
    if shards == 1:
        save_file(dict(tensors), folder / "model.safetensors", metadata=metadata)
        return
    names = sorted(tensors)
    placed: dict[str, str] = {}
    for shard in range(shards):
        file = f"model-{shard + 1:05}-of-{shards:05}.safetensors"
        part = {name: tensors[name] for name in names[shard::shards]}
        save_file(part, folder / file, metadata=metadata)
        placed |= dict.fromkeys(part, file)
    size = sum(each.numel() * each.element_size() for each in tensors.values())
    index = {"metadata": {"total_size": size}, "weight_map": placed}
    (folder / INDEX).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")


def layer_of(name: str) -> int | None:
    """The number of a tensor's layer; None outside of layers.

    >>> layer_of("model.layers.3.mlp.up_proj.weight"), layer_of("lm_head.weight")
    (3, None)
    """
    found = _LAYER.search(name)
    return int(found[1]) if found else None


def is_inner(name: str) -> bool:
    """Whether a tensor is a matrix of a layer: what is pruned and quantised.

    >>> is_inner("model.layers.3.mlp.up_proj.weight"), is_inner("model.norm.weight")
    (True, False)
    """
    return layer_of(name) is not None and name.endswith("_proj.weight")
