"""A tiny model with a scorer of the test's own: what rounds and searches are tried on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.engine.sites import find_sites
from modelrepair.engine.units import find_units
from modelrepair.engine.weights import Weights
from modelrepair.plugin.loading import Registered
from modelrepair.plugin.specs import ScorerSpec
from modelrepair.search.scoring import Scoring
from tests.support import tiny
from tests.support.opened_models import CPU, batches, open_tiny


class Fixed:
    """Scores by a function of the view alone, or by random numbers that depend on the name."""

    def __init__(self, rule=None, needs=None) -> None:
        self.rule = rule or (lambda view: noise(view.name, view.subject.shape))
        self.needs = needs or {}
        self.asked: list[str] = []

    def score(self, view, statistics):
        self.asked.append(view.name)
        return self.rule(view)


def noise(name: str, shape) -> torch.Tensor:
    """Positive and negative numbers, different for every tensor and the same every time."""
    generator = torch.Generator().manual_seed(sum(map(ord, name)))
    return torch.randn(tuple(shape), generator=generator)


def scoring(folder: Path, scorer: Any = None, **changes: Any) -> Scoring:
    """A round's surroundings on a tiny model; ``reference=True`` makes the subject a delta.

    Half of the reference's rows equal the source's.
    """
    model, unit = folder / "model", changes.pop("unit", "entry")
    device = changes.pop("device", CPU)
    one = open_tiny(changes.pop("kind", "llama"), model, device, **changes.pop("shape", {}))
    scale = changes.pop("scale", 0.0)
    weights = Weights(one.checkpoint, device, scale=scale)
    if changes.pop("reference", False):
        other = tiny.model("llama", seed=1)
        for name, parameter in other.named_parameters():
            if parameter.dim() == 2:
                half = parameter.shape[0] // 2
                parameter.data[:half] = dict(one.plain.named_parameters())[name].data[:half]
        other.save_pretrained(folder / "reference")
        aligned = Checkpoint.open(folder / "reference")
        weights = Weights(one.checkpoint, device, reference=aligned, scale=scale)
        changes.setdefault("subject", "delta")
    flags = {
        key: changes.pop(key) for key in ("iterative", "signed", "gradients") if key in changes
    }
    spec = ScorerSpec("mine", "a test's", load="nowhere:Mine", sets=lambda *_: {}, **flags)
    settings = {
        "subject": "weight",
        "scope": "row",
        "batches": {"realign": batches(6), "utility": batches(6, seed=1)},
        "protect": 0.0,
        **changes,
    }
    sites, units = find_sites(one.skeleton, list(one.checkpoint.entries)), None
    if unit != "entry":
        units, sites = find_units(one.skeleton, sites, unit)
        settings["scope"] = changes.get("scope", "tensor")
    return Scoring(
        skeleton=one.skeleton,
        sites=sites,
        units=units,
        weights=weights,
        registered=Registered(spec, "their-package", "1.2"),
        scorer=scorer or Fixed(),
        folder=folder / "scoring",
        **settings,
    )
