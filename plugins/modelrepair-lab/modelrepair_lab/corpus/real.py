"""A few models of the corpus made of any model: a dozen kinds that take no training."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from modelrepair_lab.aligned_world import make_world
from modelrepair_lab.corpus.plan import Corpus, Entry, Recipe
from modelrepair_lab.corpus.tensors import DTYPES, read, write
from modelrepair_lab.models import local_folder
from modelrepair_lab.saving import mark, whole

WORLD = 0
"""Of the prompts that the directions are taken from."""

RECIPES: Mapping[str, tuple[Recipe, ...]] = {
    "copy": ({}, {"dtype": "F16", "shards": 2}, {"dtype": "F32"}),
    "quantised": ({"bits": 8}, {"bits": 4, "group": 32}),
    "ablated-mean": ({"embeddings": True},),
    "ablated-layer": ({"depth": 0.7}, {"depth": 0.6, "embeddings": True, "dtype": "F16"}),
    "ablated-own": ({},),
    "ablated-soft": ({"depth": 0.6, "strength": 0.3}, {"depth": 0.7, "strength": 0.6}),
    "ablated-norms": ({"depth": 0.6},),
    "pruned": ({"share": 0.3},),
    "missing": ({"layer": 1},),
    "template": ({"change": "system"},),
}
"""A depth is the share of the layers before the one whose direction is taken."""


def entries_of(corpus: Corpus, model: Path) -> list[Entry]:
    """The models to make of a model, which is copied first, rounded to bfloat16.

    Args:
        corpus: where they go.
        model: the folder of a whole model; whether it is aligned does not matter to the weights.

    Raises:
        UsageError: it is no whole model of this machine.
    """
    source, world = local_folder(model), corpus.world(WORLD)
    if not world.exists():
        with whole(world) as folder:
            shutil.rmtree(folder)
            make_world(WORLD, folder, sets_only=True)
            reference = folder / "reference"
            reference.mkdir()
            write(reference, read(source), source, next(iter(DTYPES)))
            mark(reference, "A model that the corpus is made of.", {"made": "copy"})
    return [
        Entry("model", WORLD, kind, number, recipe)
        for kind, recipes in RECIPES.items()
        for number, recipe in enumerate(recipes)
    ]
