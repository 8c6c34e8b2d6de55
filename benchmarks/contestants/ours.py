"""Ours: the scoring pass and the cut of a mask, with the lines that `fix` runs.

Under torchrun the ranks share the examples, as in `fix`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.contestants.asked import read_asked, say, spent
from benchmarks.contestants.batched import batched
from modelrepair import ranks
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.engine.device import find_device
from modelrepair.engine.passes.capture import inspect
from modelrepair.engine.sites import find_sites
from modelrepair.engine.skeleton import build
from modelrepair.engine.weights import Weights
from modelrepair.plugin.registry import load_registry, make_scorer
from modelrepair.progress import Progress
from modelrepair.search.scoring import Scoring, masked_entries, score_round


def scoring_of(model: Path, examples: Path, device: torch.device, work: Path, name: str) -> Scoring:
    """What a round of a built-in scorer needs, made as `fix` makes it.

    Args:
        model: its folder.
        examples: the harmful pairs.
        device: what computes.
        work: a folder for scores and masks.
        name: of the scorer.
    """
    checkpoint = Checkpoint.open(model)
    skeleton, _ = inspect(build(model, checkpoint, device))
    registered = load_registry().scorer(name)
    return Scoring(
        skeleton=skeleton,
        sites=find_sites(skeleton, list(checkpoint.entries)),
        weights=Weights(checkpoint, device),
        registered=registered,
        scorer=make_scorer(registered, {}, "weight"),
        subject="weight",
        scope=registered.spec.scope,
        batches={"realign": batched(examples)},
        protect=0.0,
        folder=work,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Score, and cut a mask."""
    asked = read_asked(arguments)
    with ranks.together():
        device = find_device(asked.device)
        scoring = scoring_of(asked.model, asked.examples, device, asked.work, asked.scorer)
        began = spent()
        done = score_round(scoring, 0, None, Progress())
        scored = spent()
        if ranks.number() == 0:
            masks = done.cut(asked.ratio, asked.work / "mask")
            masked = masked_entries(masks, scoring.sites)
            say({"masked": masked, "scoring_s": scored - began, "selection_s": spent() - scored})


if __name__ == "__main__":
    main()
