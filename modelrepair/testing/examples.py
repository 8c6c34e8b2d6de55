"""Made-up examples, what each shows a matrix, and the statistics that a repair takes of them."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from modelrepair.engine.passes.hooks import Seen
from modelrepair.engine.passes.statistics import BlockSums, SetBatches, SiteStatistics
from modelrepair.engine.sites import Site
from modelrepair.plugin.names import SetName, SetUse
from modelrepair.plugin.repairer import Batch
from modelrepair.plugin.scorer import Loss, Scorer, SiteBatch

LENGTHS = (5, 9, 3, 7, 4, 6, 8)
BATCHES: tuple[tuple[int, ...], ...] = ((2, 4, 0), (5, 3), (6, 1))
"""Examples by number, in the batches of a plain run."""
SETS: tuple[SetName, ...] = ("realign", "refusal", "utility", "borderline")


@dataclass(frozen=True)
class Examples:
    """Seven examples of each set.

    Args:
        batches: their numbers, batch by batch.
        zero: whether all inputs and gradients are zero.
    """

    batches: Sequence[Sequence[int]] = BATCHES
    zero: bool = False

    def statistics(
        self, scorer: Scorer, sets: Mapping[SetName, SetUse], site: Site
    ) -> SiteStatistics:
        """What a scorer is given for a matrix, added up by the engine.

        >>> Examples().statistics(scorer, {"realign": "pairs"}, site)         # doctest: +SKIP
        SiteStatistics(...)

        Args:
            scorer: says what it needs.
            sets: the sets, and whether they have answers.
            site: the matrix.
        """
        sums = BlockSums([site])
        groups = self.groups(scorer, sets)
        for group in groups:
            self.add(sums, group, site)
        return sums.take(site, {group.name: group for group in groups})

    def groups(self, scorer: Scorer, sets: Mapping[SetName, SetUse]) -> list[SetBatches]:
        """The sets that the scorer needs, with what is to be accumulated on each."""
        losses: Mapping[SetName, Loss] = getattr(scorer, "losses", {})
        needs = {name: tuple(accumulators) for name, accumulators in scorer.needs.items()}
        return [
            SetBatches(
                name,
                tuple(_padded(name, numbers, sets.get(name, "pairs")) for numbers in self.batches),
                needs[name],
                losses.get(name, "log-likelihood"),
            )
            for name in SETS
            if name in needs
        ]

    def add(
        self, sums: BlockSums, group: SetBatches, site: Site, batches: slice = slice(None)
    ) -> None:
        """Add what some batches of a set show the matrix."""
        for numbers, batch in list(zip(self.batches, group.batches, strict=True))[batches]:
            seen = self._seen(group, numbers, batch, site)
            sums.add(group, batch, {site.seen_as: seen})

    def flat(self, name: SetName, numbers: Iterable[int], site: Site, use: SetUse) -> SiteBatch:
        """What a batch shows an accumulator: its tokens, with gradients."""
        numbers = tuple(numbers)
        some = [(place, number) for place, number in enumerate(numbers)]
        inputs, gradients, answers, index = [], [], [], []
        for place, number in some:
            rows = _routed(number, site)
            inputs.append(self._inputs(name, number, site)[rows])
            gradients.append(self._gradients(name, number, site)[rows])
            answers.append(_answer(number, use)[rows])
            index.append(torch.full((len(rows),), place))
        return SiteBatch(
            torch.cat(inputs),
            torch.cat(gradients),
            torch.cat(answers),
            torch.cat(index),
            tuple(f"{name}-{number}" for number in numbers),
        )

    def _inputs(self, name: SetName, number: int, site: Site) -> Tensor:
        # Sites of one module share what they are shown; its name does not count beyond that.
        made = _draw(f"inputs {name} {number}", LENGTHS[number], site.info.shape[1])
        return made * (not self.zero)

    def _gradients(self, name: SetName, number: int, site: Site) -> Tensor:
        made = _draw(f"gradients {name} {number}", LENGTHS[number], site.info.shape[0])
        return made * (not self.zero)

    def _seen(self, group: SetBatches, numbers: Sequence[int], batch: Batch, site: Site) -> Seen:
        """What the engine's hooks would keep: with padding, or of an expert the routed tokens."""
        shown = [
            [make(group.name, number, site) for number in numbers]
            for make in (self._inputs, self._gradients)
        ]
        inputs, gradients = (_pad(each, batch.input_ids.shape[1]) for each in shown)
        if site.part is None:
            return Seen(inputs, gradients if group.reads_gradients else None)
        width = batch.input_ids.shape[1]
        tokens = torch.cat(
            [place * width + _routed(number, site) for place, number in enumerate(numbers)]
        )
        flat = inputs.reshape(-1, inputs.shape[-1])[tokens]
        grown = gradients.reshape(-1, gradients.shape[-1])[tokens]
        return Seen(flat, grown if group.reads_gradients else None, tokens)


def _draw(name: str, *shape: int) -> Tensor:
    """Numbers that follow from a name, in every process."""
    draw = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    return torch.randn(shape, generator=draw)


def _answer(number: int, use: SetUse) -> Tensor:
    """The second half of an example is its answer."""
    length = LENGTHS[number]
    return (torch.arange(length) >= length // 2) & (use == "pairs")


def _routed(number: int, site: Site) -> Tensor:
    """Which tokens of an example the matrix sees: of a dense one all, of an expert some or none."""
    every = torch.arange(LENGTHS[number])
    if site.part is None:
        return every
    # The last expert sees no token at all of the first batch.
    share = 0 if site.part.expert == 2 and number in BATCHES[0] else 2
    return every[(every + number) % 4 < share]


def _padded(name: SetName, numbers: Sequence[int], use: SetUse) -> Batch:
    width = max(LENGTHS[number] for number in numbers)
    mask = torch.zeros(len(numbers), width, dtype=torch.int64)
    answer = torch.zeros(len(numbers), width, dtype=torch.bool)
    for row, number in enumerate(numbers):
        mask[row, : LENGTHS[number]] = 1
        answer[row, : LENGTHS[number]] = _answer(number, use)
    keys = tuple(f"{name}-{number}" for number in numbers)
    return Batch(torch.ones_like(mask), mask, answer, keys)


def _pad(rows: Sequence[Tensor], width: int) -> Tensor:
    """Examples side by side; padding holds what must never count."""
    padded = torch.full((len(rows), width, rows[0].shape[1]), 1e3)
    for place, row in enumerate(rows):
        padded[place, : len(row)] = row
    return padded
