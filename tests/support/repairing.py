"""What the tests of repairers share: small sets, and tensors to compare."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file

from modelrepair.demo import paths

SETS = {role: paths.sets[role] for role in ("realign", "refusal", "utility", "borderline")}
QUICK = {"judge": "demo-world", "examples": 12, **SETS}


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def small(path: Path, into: Path, count: int) -> Path:
    into.write_text("".join(path.read_text().splitlines(keepends=True)[:count]))
    return into
