"""What each step of an alignment learns from, and how: an ordinary one, or one with a defence."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from modelrepair import ExampleSetError
from modelrepair_lab.defences.options import RepNoise, Tar, Vaccine
from modelrepair_lab.defences.repnoise import Differing, differing, pairs_of, repnoise
from modelrepair_lab.defences.tar import Trial, tar
from modelrepair_lab.defences.vaccine import vaccine
from modelrepair_lab.recipes import AlignRecipe
from modelrepair_lab.training import Backward, Batch, Encoded, Phase, batches, drawn, plain


@dataclass(frozen=True)
class Taught:
    """The sets of an alignment, as tokens.

    Args:
        refusals: harmful prompts with refusals.
        benign: benign prompts with good answers.
        harmful: harmful prompts with harmful answers; empty where no defence needs them.
        padding: the token that fills up short examples.
    """

    refusals: Sequence[Encoded]
    benign: Sequence[Encoded]
    harmful: Sequence[Encoded]
    padding: int


def lessons(
    model: Any, taught: Taught, recipe: AlignRecipe, phase: Phase
) -> tuple[Iterable[Any], Backward]:
    """The items of each step, and what adds the gradient of one to the model's parameters.

    The refusals and benign answers of a step are those of an alignment without a defence. Harmful
    answers of a step are as many as its refusals are on average, two at least.

    Args:
        model: what is trained.
        taught: the sets.
        recipe: the defence, the share of refusals, and the seed.
        phase: how many steps of which size.

    Raises:
        ExampleSetError: no harmful answer fits a refusal, or there are too few.
        UnsupportedModelError: the layers that the defence changes can't be told apart.
    """
    pools = [(recipe.share, taught.refusals), (1 - recipe.share, taught.benign)]
    if recipe.share == 1:
        pools.pop()  # then each refusal is seen equally often
    ordinary = batches(pools, phase, random.Random(recipe.seed), taught.padding)
    harmful = max(2, round(recipe.share * phase.batch))
    smaller, draw = replace(phase, batch=harmful), random.Random(-1 - recipe.seed)
    match recipe.defence:
        case Vaccine() as options:
            return ordinary, vaccine(model, options)
        case RepNoise() as options:
            pairs = _pairs(taught, smaller, draw)
            return zip(ordinary, pairs, strict=True), repnoise(model, options)
        case Tar() as options:
            return _trials(ordinary, taught, smaller, options, draw), tar(model, options)
        case None:
            return ordinary, plain


def _pairs(taught: Taught, phase: Phase, draw: random.Random) -> Iterator[Differing]:
    pairs = pairs_of(taught.harmful, taught.refusals)
    if len(pairs) < 2:
        raise ExampleSetError(
            "one harmful answer has a refusal, and two at least are wanted",
            hint="give with --harmful answers to prompts of --refusal",
        )
    return (
        differing(chosen, taught.padding)
        for chosen in drawn([(1.0, pairs)], phase.steps, phase.batch, draw)
    )


def _trials(
    ordinary: Iterator[Batch], taught: Taught, phase: Phase, options: Tar, draw: random.Random
) -> Iterator[Trial]:
    if len(taught.harmful) < 2:
        raise ExampleSetError(
            "the harmful set holds one example, and two at least are wanted",
            hint="give more of them with --harmful: half of them are held out of the attacks",
        )
    mixed = draw.sample(taught.harmful, len(taught.harmful))
    half = len(mixed) // 2
    inner = replace(phase, steps=phase.steps * options.inner_steps)
    attacks = batches([(1.0, mixed[:half])], inner, draw, taught.padding)
    held_out = batches([(1.0, mixed[half:])], phase, draw, taught.padding)
    kept = batches([(1.0, taught.benign)], phase, draw, taught.padding)
    for batch, benign, aside in zip(ordinary, kept, held_out, strict=True):
        attack = [next(attacks) for _ in range(options.inner_steps)]
        yield Trial(batch, benign, attack, aside)
