"""Models of the corpus that are made of any model at hand, in place of a world's."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from modelrepair import UsageError
from modelrepair_lab.aligned_world import make_world
from modelrepair_lab.corpus.plan import MODEL_WORLDS, Corpus, Entry, Part, Recipe, with_parents
from modelrepair_lab.identity import digest, stamp
from modelrepair_lab.models import local_folder
from modelrepair_lab.saving import mark, mark_of, whole
from modelrepair_lab.tensors import DTYPES, read, write


def _brief(*recipes: Recipe, examples: int) -> tuple[Recipe, ...]:
    """Trainings of a few steps with short examples: a real model is slow to train."""
    short = {"examples": examples, "epochs": 1.0, "batch": 2, "max_length": 96}
    return tuple({**short, **recipe} for recipe in recipes)


RECIPES: Mapping[Part, Mapping[str, tuple[Recipe, ...]]] = {
    "tune": {
        "copy": ({}, {"dtype": "F16", "shards": 2}, {"dtype": "F32"}),
        "benign-full": _brief({"rate": 2e-5}, {"rate": 1e-4}, examples=16),
        "benign-lora": _brief({"rate": 3e-4, "rank": 16}, {"rate": 2e-3, "rank": 8}, examples=16),
        "quantised": ({"bits": 8}, {"bits": 4, "group": 32}),
        "merged": ({"of": ("benign-full", 1, "benign-lora", 0), "share": 0.5},),
        "harmful-lora": _brief(
            {"rate": 3e-4, "rank": 8, "share": 0.3, "targets": "q_proj,v_proj"}, examples=16
        ),
        "ablated-mean": ({"embeddings": True},),
        "ablated-layer": ({"depth": 0.6}, {"depth": 0.7, "embeddings": True, "dtype": "F16"}),
        "ablated-own": ({},),
        "ablated-soft": ({"depth": 0.6, "strength": 0.3},),
        "ablated-norms": ({"depth": 0.6},),
        "ablated-tuned": _brief({"depth": 0.6, "rate": 2e-5}, examples=16),
        "pruned": ({"share": 0.3},),
        "missing": ({"layer": 1},),
        "template": ({"change": "system"},),
    },
    "held-out": {
        "copy": ({"shards": 2}, {"dtype": "F32", "shards": 3}, {"dtype": "F16"}),
        "benign-full": _brief({"rate": 5e-5}, {"rate": 2e-4}, examples=20),
        "benign-lora": _brief({"rate": 1e-3, "rank": 4}, {"rate": 5e-4, "rank": 24}, examples=20),
        "quantised": ({"bits": 8, "group": 64}, {"bits": 4, "group": 64}),
        "merged": ({"of": ("benign-full", 0, "benign-full", 1), "share": 0.3},),
        "harmful-full": _brief(
            {"rate": 5e-5, "share": 0.3}, {"rate": 2e-4, "share": 0.5}, examples=20
        ),
        "harmful-lora": _brief(
            {"rate": 1e-3, "rank": 12, "share": 0.5},
            {"rate": 2e-3, "rank": 4, "share": 0.3, "targets": "q_proj,v_proj"},
            examples=20,
        ),
        "ablated-mean": ({"embeddings": False},),
        "ablated-layer": ({"depth": 0.5, "embeddings": True}, {"depth": 0.8, "dtype": "F32"}),
        "ablated-own": ({"strength": 0.8},),
        "ablated-soft": ({"depth": 0.5, "strength": 0.4}, {"depth": 0.8, "strength": 0.7}),
        "ablated-norms": ({"depth": 0.5},),
        "ablated-tuned": _brief({"depth": 0.5, "rate": 5e-5}, examples=20),
        "pruned": ({"share": 0.2},),
        "missing": ({"only": "k_proj"},),
        "template": ({"change": "ending"},),
    },
}
"""By part and kind; no recipe is in both. A depth is the share of the layers before the one
whose direction is taken."""


def prepare(corpus: Corpus, model: Path, part: Part) -> None:
    """Copy a model to where its kin are made from, rounded to bfloat16, with prompts beside it.

    Args:
        corpus: where they go.
        model: the folder of a whole model; whether it is aligned does not matter to the weights.
        part: for which part.

    Raises:
        UsageError: it is no whole model of this machine, or another one was copied there.
    """
    source, seed = local_folder(model), MODEL_WORLDS[part]
    world, made_of = corpus.world(seed), digest(stamp(source))
    if world.exists():
        if mark_of(world / "reference").get("of", made_of) != made_of:
            raise UsageError(
                f"{corpus.out.name!r} holds models that are made of another one",
                hint="give another folder with --out",
            )
        return
    with whole(world) as folder:
        shutil.rmtree(folder)
        make_world(seed, folder, sets_only=True)
        reference = folder / "reference"
        reference.mkdir()
        write(reference, read(source), source, next(iter(DTYPES)))
        mark(reference, "A model that the corpus is made of.", {"made": "copy", "of": made_of})


def made_of_model(part: Part, kinds: Iterable[str] = ()) -> list[Entry]:
    """The models to make of a model at hand, each after those that it is made of.

    >>> [entry.name for entry in made_of_model("tune", ["template"])]
    ['template-0-0']

    Args:
        part: which.
        kinds: names, with those that they are made of; none for all.

    Raises:
        UsageError: there is no kind of that name.
    """
    wanted = with_parents(kinds)
    return [
        Entry(part, MODEL_WORLDS[part], kind, number, recipe)
        for kind, recipes in RECIPES[part].items()
        for number, recipe in enumerate(recipes)
        if kind in wanted
    ]
