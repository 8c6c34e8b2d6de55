"""Ours where scores have no room on the disk: a mask is cut as soon as its matrix is scored.

A repair keeps all scores there, float32: 26 GB for 7 billion parameters, beside 13 GB of weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks.contestants.asked import read_asked, say, spent
from benchmarks.contestants.ours import scoring_of
from modelrepair.engine.device import find_device
from modelrepair.engine.passes.passes import Work, collect
from modelrepair.engine.passes.statistics import SetBatches, SiteStatistics
from modelrepair.engine.sites import Site
from modelrepair.engine.weights import Masks
from modelrepair.plugin.scorer import SiteView
from modelrepair.progress import Progress
from modelrepair.search.selection import top_rows
from modelrepair.settings.presets import count


def main(arguments: Sequence[str] | None = None) -> None:
    """Score, and cut a mask of each row of each matrix."""
    asked = read_asked(arguments)
    device = find_device(asked.device)
    scoring = scoring_of(asked.model, asked.examples, device, asked.work, asked.scorer)
    scorer, weights = scoring.scorer, scoring.weights
    masked = 0

    def cut(found: Iterator[tuple[Site, SiteStatistics]]) -> Iterator[tuple[str, np.ndarray]]:
        nonlocal masked
        for site, statistics in found:
            weight = weights.matrix(site.place)
            scores = scorer.score(SiteView(site.info, weight, weight, None, "weight"), statistics)
            mask = top_rows(scores.cpu().numpy(), count(asked.ratio, site.info.shape[1]))
            masked += int(mask.sum())
            yield site.name, mask

    def on_block(block: int, found: Iterator[tuple[Site, SiteStatistics]]) -> None:
        Masks(asked.work / "masks" / f"{block:05d}").put(cut(found))

    began = spent()
    batches, needs = tuple(scoring.batches["realign"]), tuple(scorer.needs["realign"])
    groups = [SetBatches("realign", batches, needs)]
    work = Work(scoring.skeleton, weights.read, groups, asked.work)
    collect(work, scoring.sites, on_block, Progress())
    say({"masked": masked, "scoring_s": spent() - began})


if __name__ == "__main__":
    main()
