"""What one block shows its sites, added up: hooks, padding taken away, float64 sums."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from modelrepair.errors import ModelRepairError, PluginError, UnsupportedModelError, out_of_memory
from modelrepair.examples.batches import Batch
from modelrepair.registry.specs import SetName
from modelrepair.scorers.protocol import Accumulator, SiteBatch, State
from modelrepair.sweep.sites import Site


class AccumulatorError(PluginError):
    """An accumulator failed; whose it is, the caller knows."""


@dataclass(frozen=True)
class SetBatches:
    """An example set as the sweep passes it: canonical batches and what to accumulate on them."""

    name: SetName
    batches: tuple[Batch, ...]
    accumulators: tuple[Accumulator, ...] = ()

    @property
    def examples(self) -> int:
        """How many examples the batches hold."""
        return sum(len(batch.keys) for batch in self.batches)

    @property
    def tokens(self) -> int:
        """How many tokens they hold, padding not counted."""
        return sum(int(batch.attention_mask.sum()) for batch in self.batches)

    @property
    def reads_gradients(self) -> bool:
        """Whether a backward pass is asked for."""
        return any(each.reads == "gradients" for each in self.accumulators)


@dataclass(frozen=True)
class SiteStatistics:
    """The finished sums of one site; see `modelrepair.scorers.protocol.Statistics`."""

    states: Mapping[tuple[SetName, Accumulator], State]
    sets: Mapping[SetName, SetBatches]

    def __getitem__(self, key: tuple[SetName, Accumulator]) -> State:
        return self.states[key]

    def examples(self, name: SetName) -> int:
        """How many examples of this set were passed."""
        return self.sets[name].examples

    def tokens(self, name: SetName) -> int:
        """How many tokens of this set were passed, padding not counted."""
        return self.sets[name].tokens


@dataclass
class Seen:
    """What one module saw of one batch, as torch's hooks give it, padding included."""

    inputs: Tensor
    output_gradients: Tensor | None = None


@contextmanager
def watch(block: nn.Module, sites: Sequence[Site]) -> Iterator[dict[str, Seen]]:
    """Keep each site's input, and its output's gradient if one flows, for the time of a context."""
    seen: dict[str, Seen] = {}

    def hook(path: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        def keep(module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
            if path in seen:
                raise UnsupportedModelError(
                    f"{path} is used twice in its block", hint="exclude it with --exclude"
                )
            seen[path] = Seen(args[0].detach())

            def keep_gradient(gradient: Tensor) -> None:
                seen[path].output_gradients = gradient.detach()

            if output.requires_grad:
                output.register_hook(keep_gradient)  # type: ignore[no-untyped-call]

        return keep

    modules = {site.module: block.get_submodule(site.module) for site in sites}
    handles = [module.register_forward_hook(hook(path)) for path, module in modules.items()]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


@dataclass
class BlockSums:
    """The running sums of one block's sites over all sets, float64, in canonical batch order."""

    sites: Sequence[Site]
    states: dict[str, dict[tuple[SetName, Accumulator], dict[str, Tensor]]] = field(
        default_factory=dict
    )

    def add(self, group: SetBatches, batch: Batch, seen: Mapping[str, Seen]) -> None:
        """Add one batch's contributions; sites that share an input share what it gives."""
        if not group.accumulators:
            return
        flat = _FlatBatch.of(batch, next(iter(seen.values())).inputs.device) if seen else None
        shared: dict[tuple[int, Accumulator], Mapping[str, Tensor]] = {}
        rows: dict[int, Tensor] = {}
        for site in self.sites:
            if flat is None or site.module not in seen:
                raise UnsupportedModelError(
                    f"{site.name} saw no token", hint="leave it out with --exclude"
                )
            shown = seen[site.module]
            key = id(shown.inputs)
            if key not in rows:
                rows[key] = flat.rows(shown.inputs, site)
            view = flat.view(rows[key])
            if shown.output_gradients is not None:
                gradients = flat.rows(shown.output_gradients, site)
                with_gradients = replace(view, output_gradients=gradients)
            for accumulator in group.accumulators:
                if accumulator.reads == "inputs":
                    if (key, accumulator) not in shared:
                        shared[key, accumulator] = _contribution(accumulator, site, view)
                    part = shared[key, accumulator]
                else:
                    part = _contribution(accumulator, site, with_gradients)
                self._combine(site, group.name, accumulator, part)

    def take(self, site: Site, sets: Mapping[SetName, SetBatches]) -> SiteStatistics:
        """Give one site's finished sums away: they are freed when the caller is done."""
        states = self.states.pop(site.name, {})
        return SiteStatistics(states, sets)

    def _combine(
        self, site: Site, name: SetName, accumulator: Accumulator, part: Mapping[str, Tensor]
    ) -> None:
        state = self.states.setdefault(site.name, {}).setdefault((name, accumulator), {})
        for key, value in part.items():
            if not torch.isfinite(value).all():
                raise AccumulatorError(
                    f"{type(accumulator).__name__} gave a value that is not finite on {site.name}",
                    hint="the model's activations overflow, or the accumulator divides by zero",
                )
            if key not in state:
                state[key] = value.to(torch.float64)
            elif accumulator.combine == "sum":
                state[key] += value
            else:
                state[key] = torch.maximum(state[key], value.to(torch.float64))


def _contribution(accumulator: Accumulator, site: Site, batch: SiteBatch) -> State:
    try:
        return accumulator.contribution(site.info, batch)
    except Exception as error:
        if isinstance(error, ModelRepairError) or out_of_memory(error):
            raise
        raise AccumulatorError(
            f"{type(accumulator).__name__} failed on {site.name}: {type(error).__name__}: {error}",
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

    def rows(self, values: Tensor, site: Site) -> Tensor:
        """``[examples, tokens, width]`` without its padding: ``[kept tokens, width]``."""
        flat = values.reshape(-1, values.shape[-1]).to(torch.float32)
        if flat.shape[0] != self.shape[0] * self.shape[1]:
            raise UnsupportedModelError(
                f"{site.name} sees {flat.shape[0]} rows of a batch of "
                f"{self.shape[0]} x {self.shape[1]} tokens",
                hint="leave it out with --exclude",
            )
        return flat if flat.shape[0] == len(self.kept) else flat[self.kept]

    def view(self, inputs: Tensor) -> SiteBatch:
        return SiteBatch(inputs, None, self.answer_mask, self.example_index, self.keys)
