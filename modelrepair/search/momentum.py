"""Momentum, where rounds undo one another: a round adds a part of the last one's scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch

from modelrepair import ranks
from modelrepair.engine.weights import Masks
from modelrepair.plugin.names import SetName
from modelrepair.plugin.scorer import Accumulator, Loss, Scorer, SiteView, Statistics
from modelrepair.progress import Progress
from modelrepair.search.candidates import Candidate
from modelrepair.search.score_files import spilled, sync
from modelrepair.search.scoring import Scoring, drop_round, folder_of_round, score_round
from modelrepair.search.selection import Spilled
from modelrepair.search.study import remember

if TYPE_CHECKING:
    from torch import Tensor

MOMENTUM = 0.5
"""The part of the last round's scores that a round adds to its own: Polyak, 1964, β."""

TURNS = 4
"""So many changes of the margin in a row, up and down by turns, are no progress."""

TURN = 0.1
"""How much the margin changes at least at each of them, in nats per token."""


def swings(margins: Sequence[float | None]) -> bool:
    """Whether the margin goes up and down by turns: each round undoes what the last one did.

    >>> swings([-0.4, -0.2, -0.6, -0.2, -0.6]), swings([-0.4, -0.2, -0.1, -0.3, 0.0])
    (True, False)

    Args:
        margins: after each round, in nats per token; None where it was not measured.
    """
    last = [margin for margin in margins[-TURNS - 1 :] if margin is not None]
    changes = [after - before for before, after in pairwise(last)]
    return (
        len(changes) == TURNS
        and all(abs(change) >= TURN for change in changes)
        and all(one * two < 0 for one, two in pairwise(changes))
    )


class WithMomentum:
    """A scorer that adds a part of the last round's scores to those of this one.

    Args:
        scorer: the scorer itself.
        earlier: where the last round's scores of each site lie; what could not be chosen counts
            as nothing.
    """

    def __init__(self, scorer: Scorer, earlier: Mapping[str, Spilled]) -> None:
        self._scorer = scorer
        self._earlier = earlier
        self.needs: Mapping[SetName, Sequence[Accumulator]] = scorer.needs
        self.losses: Mapping[SetName, Loss] = getattr(scorer, "losses", {})
        self.known: Sequence[SetName] = getattr(scorer, "known", ())

    def score(self, view: SiteView, statistics: Statistics) -> Tensor:
        """The scores of one site, ``[out, in]``."""
        own = self._scorer.score(view, statistics)
        earlier = torch.from_numpy(self._earlier[view.name].read()).to(own.device)
        return own + MOMENTUM * earlier.where(earlier.isfinite(), torch.zeros_like(earlier))


class Momentum:
    """Which rounds of a walk have momentum, and how long the scores of each are kept.

    Args:
        plain: the surroundings of rounds without; a walk that eases its scorer puts others.
        progress: receives a pass where scores that should be kept must be taken again.
    """

    def __init__(self, plain: Scoring, progress: Progress) -> None:
        self.plain, self._progress = plain, progress
        self._margins: list[float | None] = []
        self.began: int | None = None
        """The first round that has momentum, from 0."""

    def scoring(self, number: int) -> Scoring:
        """The surroundings of a round."""
        if self.began is None:
            return self.plain
        names = [site.name for site in self.plain.sites.chosen]
        earlier = spilled(folder_of_round(self.plain, number - 1), self.plain.sites)
        scorer = WithMomentum(self.plain.scorer, dict(zip(names, earlier, strict=True)))
        return replace(self.plain, scorer=scorer)

    def advance(
        self, number: int, before: Candidate | None, after: Candidate, *, stuck: bool
    ) -> None:
        """Be done with a round: drop its scores, or keep them for the next one.

        Args:
            number: which one, from 0.
            before: the point that it was scored at; its mask is still there.
            after: the point that it led to.
            stuck: whether the walk leads nowhere, as far as answers say.
        """
        self._margins.append(after.screen.margin if after.screen else None)
        if self.began is not None:
            self._keep(number, before)
            drop_round(self.plain, number - 1)
        elif stuck and swings(self._margins):
            self._keep(number, before)
            self.began = number + 1
        else:
            drop_round(self.plain, number)

    def end(self, rounds: int) -> None:
        """Drop what a round after the last one would have needed."""
        if self.began is not None:
            for number in range(max(0, rounds - 2), rounds):
                drop_round(self.plain, number)

    def _keep(self, number: int, before: Candidate | None) -> None:
        """Make sure that a round's scores outlive a power cut, which no others need."""
        scoring = self.scoring(number)
        masks = before.change if before and isinstance(before.change, Masks) else None

        def keep() -> dict[str, Any]:
            score_round(scoring, number, masks, self._progress)
            ranks.share(lambda: sync(folder_of_round(scoring, number)))
            return {}

        # Remembered beside the points: these scores are dropped once the next round is done.
        remember(scoring.folder / "points" / f"{number:04d}-scores-kept.json", keep)
