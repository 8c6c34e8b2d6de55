"""What one block shows its sites, added up: padding taken away, float64 sums in a fixed tree.

The batches of a set are cut into at most eight runs. Those of a run are summed in their order,
and then the runs in theirs, always, so that the sums have the same bits whoever took which run.
Of the trees that can be shared out, this one holds the fewest sums at a time: the whole ones, and
one run's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from modelrepair import ranks
from modelrepair.engine.device import exact
from modelrepair.engine.passes.hooks import Seen
from modelrepair.engine.sites import Site
from modelrepair.errors import ModelRepairError, PluginError, UnsupportedModelError, out_of_memory
from modelrepair.plugin.declared import (
    CONTRACT_ERRORS,
    InputsBatch,
    unchanged,
    undeclared,
)
from modelrepair.plugin.names import SetName
from modelrepair.plugin.repairer import Batch
from modelrepair.plugin.scorer import Accumulator, Loss, SiteBatch, State

_NAME_IT = "name the set and the accumulator in the plug-in's `needs`"


class AccumulatorError(PluginError):
    """An accumulator failed; whose it is, the caller knows."""


@dataclass(frozen=True)
class SetBatches:
    """An example set as a pass reads it: canonical batches and what to accumulate on them.

    ``loss`` is what gradients are of.
    """

    name: SetName
    batches: tuple[Batch, ...]
    accumulators: tuple[Accumulator, ...] = ()
    loss: Loss = "log-likelihood"

    @property
    def examples(self) -> int:
        """How many examples the batches hold."""
        return sum(len(batch.keys) for batch in self.batches)

    @property
    def tokens(self) -> int:
        """How many tokens they hold, padding not counted."""
        return sum(int(batch.attention_mask.sum()) for batch in self.batches)

    @property
    def parts(self) -> tuple[tuple[Batch, ...], ...]:
        """The runs of batches that are summed apart, as even as may be.

        >>> two = Batch(torch.ones(1, 3), torch.ones(1, 3), torch.ones(1, 3), ("a",))
        >>> [len(part) for part in SetBatches("realign", (two,) * 20).parts]
        [2, 3, 2, 3, 2, 3, 2, 3]
        """
        count = min(ranks.PARTS, len(self.batches))
        cuts = [len(self.batches) * number // count for number in range(count + 1)]
        return tuple(self.batches[begin:end] for begin, end in pairwise(cuts))

    @property
    def reads_gradients(self) -> bool:
        """Whether a backward pass is asked for."""
        return any(each.reads == "gradients" for each in self.accumulators)


@dataclass(frozen=True)
class SiteStatistics:
    """The finished sums of one site; see `modelrepair.plugin.scorer.Statistics`.

    ``routed`` counts, for a matrix of an expert, the tokens of each set that were routed to it.
    """

    states: Mapping[tuple[SetName, Accumulator], State]
    sets: Mapping[SetName, SetBatches]
    routed: Mapping[SetName, int] = field(default_factory=dict)

    def __getitem__(self, key: tuple[SetName, Accumulator]) -> State:
        if key not in self.states:
            # The key may be anything that a plug-in made.
            raise undeclared(f"statistics[{key!r:.200}]", _NAME_IT)
        return self.states[key]

    def examples(self, name: SetName) -> int:
        """How many examples of this set were passed."""
        return self._set(name).examples

    def tokens(self, name: SetName) -> int:
        """How many tokens of this set were passed, padding not counted."""
        return self._set(name).tokens

    def _set(self, name: SetName) -> SetBatches:
        if name not in self.sets:
            raise undeclared(f"the {name!r:.80} set", _NAME_IT)
        return self.sets[name]

    def of(self, needs: Mapping[SetName, Sequence[Accumulator]]) -> SiteStatistics:
        """What a plug-in declared that it needs, and nothing that was added up for others."""
        wanted = {(name, each) for name, several in needs.items() for each in several}
        states = {key: state for key, state in self.states.items() if key in wanted}
        sets = {name: group for name, group in self.sets.items() if name in needs}
        return SiteStatistics(states, sets, self.routed)

    def shown(self) -> dict[str, Tensor]:
        """Every sum by the name that an author knows."""
        return {
            f'statistics["{name}", {type(accumulator).__name__}]["{key}"]': value
            for (name, accumulator), state in self.states.items()
            for key, value in state.items()
        }


@dataclass
class BlockSums:
    """The running sums of one block's sites, float64: over all sets, or over a run of batches."""

    sites: Sequence[Site]
    states: dict[str, dict[tuple[SetName, Accumulator], dict[str, Tensor]]] = field(
        default_factory=dict
    )
    routed: dict[str, dict[SetName, int]] = field(default_factory=dict)

    def add(self, group: SetBatches, batch: Batch, seen: Mapping[str, Seen]) -> None:
        """Add one batch's contributions; sites that share an input share what it gives."""
        if not group.accumulators:
            return
        flat = _FlatBatch.of(batch, next(iter(seen.values())).inputs.device) if seen else None
        shared: dict[tuple[_Key, Accumulator], Mapping[str, Tensor]] = {}
        views: dict[_Key, tuple[SiteBatch, Tensor | None]] = {}
        for site in self.sites:
            if flat is None or site.seen_as not in seen:
                raise UnsupportedModelError(
                    f"{site.name} saw no token", hint="leave it out with --exclude"
                )
            shown = seen[site.seen_as]
            key = _key(shown)
            if key not in views:
                views[key] = flat.view(shown, site)
            view, kept = views[key]
            if shown.tokens is not None:
                counts = self.routed.setdefault(site.name, {})
                counts[group.name] = counts.get(group.name, 0) + len(view.inputs)
            if shown.output_gradients is not None:
                gradients = _rows(shown.output_gradients, kept)
                with_gradients = replace(view, output_gradients=gradients)
            for accumulator in group.accumulators:
                if accumulator.reads == "inputs":
                    if (key, accumulator) not in shared:
                        shared[key, accumulator] = _contribution(accumulator, site, view)
                    part = shared[key, accumulator]
                else:
                    part = _contribution(accumulator, site, with_gradients)
                self._combine(site.name, group.name, accumulator, part)

    def merge(self, other: BlockSums) -> None:
        """Add sums over other batches to these; they are used up."""
        while other.states:
            name, states = other.states.popitem()
            for (set_name, accumulator), state in states.items():
                self._combine(name, set_name, accumulator, state)
        for name, counts in other.routed.items():
            mine = self.routed.setdefault(name, {})
            for set_name, count in counts.items():
                mine[set_name] = mine.get(set_name, 0) + count

    def take(self, site: Site, sets: Mapping[SetName, SetBatches]) -> SiteStatistics:
        """Give one site's finished sums away: they are freed when the caller is done.

        Raises:
            AccumulatorError: one is not finite. It is asked once: a device waits for each answer.
        """
        states = self.states.pop(site.name, {})
        for (_, accumulator), state in states.items():
            if not all(torch.isfinite(value).all() for value in state.values()):
                raise AccumulatorError(
                    f"{type(accumulator).__name__} gave a value that is not finite on {site.name}",
                    hint="the model's activations overflow, or the accumulator divides by zero",
                )
        return SiteStatistics(states, sets, self.routed.pop(site.name, {}))

    def _combine(self, site: str, name: SetName, accumulator: Accumulator, part: State) -> None:
        state = self.states.setdefault(site, {}).setdefault((name, accumulator), {})
        for key, given in part.items():
            value = given.to(exact(given.device))
            if key not in state:
                state[key] = value.to(torch.float64)
            elif accumulator.combine == "sum":
                state[key] += value
            else:
                state[key] = torch.maximum(state[key], value.to(torch.float64))


def from_ranks(added: BlockSums, taken: int) -> Iterator[BlockSums]:
    """The sums of this rank's run, and those of the ranks that took the next ones, in that order.

    All come together in the first rank; in the others there are none.

    Args:
        added: the sums of this rank's run.
        taken: how many ranks took one.
    """
    if ranks.number() == 0:
        shapes = [
            (name, key, part, (value.shape, value.dtype, value.device))
            for name, states in added.states.items()
            for key, state in states.items()
            for part, value in state.items()
        ]
        yield added
        for rank in range(1, taken):
            found = BlockSums(added.sites, routed=ranks.receive_object(rank))
            for name, key, part, shape in shapes:
                state = found.states.setdefault(name, {}).setdefault(key, {})
                state[part] = ranks.receive(rank, *shape)
            yield found
    elif ranks.number() < taken:
        ranks.send_object(added.routed)
        for states in added.states.values():
            for state in states.values():
                for value in state.values():
                    ranks.send(value)


def _contribution(accumulator: Accumulator, site: Site, batch: SiteBatch) -> State:
    name = type(accumulator).__name__
    inputs_alone = accumulator.reads == "inputs"
    given = InputsBatch.of(batch) if inputs_alone else batch
    shown = {
        f"batch.{each}": getattr(batch, each)
        for each in ("inputs", "output_gradients", "answer_mask", "example_index")
        if not (inputs_alone and each == "output_gradients")
    }
    try:
        with unchanged(shown, values=False):
            return accumulator.contribution(site.info, given)
    except CONTRACT_ERRORS as error:
        message = f"{name} {error} on {site.name}"
        raise AccumulatorError(message, hint=error.hint, id=error.id) from error
    except Exception as error:
        if isinstance(error, ModelRepairError) or out_of_memory(error):
            raise
        raise AccumulatorError(
            f"{name} failed on {site.name}: {type(error).__name__}: {error}",
            hint="this is a fault of the plug-in, or of the model it was given; --debug shows more",
        ) from error


@dataclass(frozen=True)
class _FlatBatch:
    """A batch as the list of its tokens, padding gone."""

    kept: Tensor
    answer_mask: Tensor
    example_index: Tensor
    keys: tuple[str, ...]
    shape: tuple[int, int]

    @classmethod
    def of(cls, batch: Batch, device: torch.device) -> _FlatBatch:
        mask = batch.attention_mask.bool()
        index = torch.arange(mask.shape[0])[:, None].expand_as(mask)[mask]
        return cls(
            kept=torch.nonzero(mask.reshape(-1)).reshape(-1).to(device),
            answer_mask=batch.answer_mask[mask].to(device),
            example_index=index.to(device),
            keys=batch.keys,
            shape=(mask.shape[0], mask.shape[1]),
        )

    def view(self, shown: Seen, site: Site) -> tuple[SiteBatch, Tensor | None]:
        """What a site saw, without padding, and which of its rows those are; None for all."""
        if shown.tokens is not None:
            place = torch.full((self.shape[0] * self.shape[1],), -1, device=self.kept.device)
            place[self.kept] = torch.arange(len(self.kept), device=self.kept.device)
            places = place[shown.tokens]
            rows = torch.nonzero(places >= 0).reshape(-1)
            places = places[rows]
            answer, index = self.answer_mask[places], self.example_index[places]
            inputs = _rows(shown.inputs, rows)
            return SiteBatch(inputs, None, answer, index, self.keys), rows
        count = shown.inputs.numel() // shown.inputs.shape[-1]
        if count != self.shape[0] * self.shape[1]:
            raise UnsupportedModelError(
                f"{site.name} sees {count} rows of a batch of "
                f"{self.shape[0]} x {self.shape[1]} tokens",
                hint="leave it out with --exclude",
            )
        kept = None if len(self.kept) == count else self.kept
        inputs = _rows(shown.inputs, kept)
        return SiteBatch(inputs, None, self.answer_mask, self.example_index, self.keys), kept


_Key = tuple[Any, ...]


def _key(shown: Seen) -> _Key:
    """Distinguishes inputs by their address: each site is shown a tensor object of its own.

    What one batch showed lives until its last site is done, so no place is used twice.
    """
    parts = [shown.inputs] if shown.tokens is None else [shown.inputs, shown.tokens]
    return tuple((part.data_ptr(), part.shape, part.stride(), part.dtype) for part in parts)


def _rows(values: Tensor, kept: Tensor | None) -> Tensor:
    """``[…, width]`` as a list of tokens, ``[kept tokens, width]`` float32."""
    flat = values.reshape(-1, values.shape[-1]).to(torch.float32)
    return flat if kept is None else flat[kept]
