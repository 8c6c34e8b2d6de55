"""Small matrices of every layout, read from a checkpoint as a repair reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from safetensors.torch import save_file
from torch import Tensor

from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.engine.layout.experts import ExpertPart
from modelrepair.engine.layout.places import Place, whole
from modelrepair.engine.sites import Site
from modelrepair.engine.weights import Weights
from modelrepair.plugin.names import SubjectKind
from modelrepair.plugin.scorer import SiteInfo, SiteView

Layout = Literal["weight", "delta", "factor", "expert", "conv1d", "tied"]
CPU = torch.device("cpu")
OUT, IN, RANK = 6, 8, 4
EXPERTS, EXPERT_OUT, EXPERT_IN = 3, 5, 10

_TENSORS: Mapping[str, tuple[int, ...]] = {
    "blocks.0.proj.weight": (OUT, IN),
    "blocks.0.conv1d.weight": (IN, OUT),
    "blocks.0.experts.gate_up_proj": (EXPERTS, 2 * EXPERT_OUT, EXPERT_IN),
    "blocks.0.proj.lora_A.weight": (RANK, IN),
    "blocks.1.tied.weight": (OUT, IN),
}
"""The tensors of the checkpoint."""


@dataclass(frozen=True)
class Matrix:
    """A matrix to be scored.

    Args:
        layout: what is special about it.
        subject_kind: what masking would act on.
        site: where it lies.
        weights: reads it.
    """

    layout: Layout
    subject_kind: SubjectKind
    site: Site
    weights: Weights

    def view(self) -> SiteView:
        """The matrix as a scorer sees it, read anew."""
        weight = self.weights.matrix(self.site.place)
        reference = self.weights.reference(self.site.place)
        subject = weight
        if self.subject_kind == "delta" and reference is not None:
            subject = weight - reference
        return SiteView(self.site.info, subject, weight, reference, self.subject_kind)


def make_matrices(folder: Path) -> Mapping[Layout, tuple[Matrix, ...]]:
    """Write a source and a reference, and open their matrices.

    >>> matrices = make_matrices(Path("matrices"))
    >>> matrices["expert"][0].view().subject.shape
    torch.Size([5, 10])

    Args:
        folder: an empty folder for the two checkpoints.
    """
    source, reference = (_write(folder / name, seed) for seed, name in enumerate(("a", "b")))
    alone, compared = Weights(source, CPU), Weights(source, CPU, reference=reference)
    linear = _site("blocks.0.proj.weight", "proj")
    conv1d = _site(
        "blocks.0.conv1d.weight",
        "conv1d",
        kind="conv1d",
        place=Place("blocks.0.conv1d.weight", (IN, OUT), (OUT, IN), 0, (1, OUT)),
    )
    fused = tuple(_expert(number) for number in range(EXPERTS))
    tied = tuple(_site("blocks.1.tied.weight", path, block=1) for path in ("first", "second"))
    factor = _site("blocks.0.proj.lora_A.weight", "proj.lora_A.default")
    return {
        "weight": (Matrix("weight", "weight", linear, alone),),
        "delta": (Matrix("delta", "delta", linear, compared),),
        "factor": (Matrix("factor", "factor", factor, alone),),
        "expert": tuple(Matrix("expert", "weight", site, alone) for site in fused),
        "conv1d": (Matrix("conv1d", "weight", conv1d, alone),),
        "tied": tuple(Matrix("tied", "weight", site, alone) for site in tied),
    }


def _write(folder: Path, seed: int) -> Checkpoint:
    folder.mkdir(parents=True)
    draw = torch.Generator().manual_seed(seed)
    tensors: dict[str, Tensor] = {
        name: torch.randn(shape, generator=draw) for name, shape in _TENSORS.items()
    }
    save_file(tensors, folder / "model.safetensors")
    return Checkpoint.open(folder)


def _site(
    tensor: str, path: str, *, kind: str = "linear", block: int = 0, place: Place | None = None
) -> Site:
    if place is None:
        rows, columns = _TENSORS[tensor]
        place = whole(tensor, (rows, columns))
    return Site(SiteInfo(tensor, kind, block, place.shape), path, place)


def _expert(number: int) -> Site:
    """The gate of one expert: the first half of the rows of its part of a fused tensor."""
    name = "blocks.0.experts.gate_up_proj"
    part, shape = ExpertPart(number, "gate"), (EXPERT_OUT, EXPERT_IN)
    start = number * 2 * EXPERT_OUT * EXPERT_IN
    place = Place(name, _TENSORS[name], shape, start, (EXPERT_IN, 1))
    return Site(SiteInfo(f"{name}#{part}", "expert", 0, shape), "experts", place, part)
