"""Where a training computes: the device that is there, and the processes that share its batches.

One process trains on one device. Started by ``accelerate launch``, each process takes its rows of
every batch, and the gradients are added up before each step: the same step as that of one process,
but for rounding. Everything else is done by each process in the same way, and the first alone
writes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from modelrepair import UnsupportedModelError, UsageError
from modelrepair_lab.alone import STARTED
from modelrepair_lab.recipes import Arithmetic
from modelrepair_lab.saving import whole
from modelrepair_lab.training import IGNORED, Backward, Batch, Phase, plain, train


@dataclass(frozen=True)
class Machine:
    """What a training may use.

    Args:
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``; auto is a GPU where there is one.
        checkpointing: whether the states inside the blocks are computed twice instead of kept.
    """

    device: str = "auto"
    checkpointing: bool = False


@dataclass(frozen=True)
class Team:
    """The processes of a training, as one of them sees it.

    Args:
        device: of this process.
        number: of this process; the first is 0.
        count: of processes.
    """

    device: torch.device
    number: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes."""
        return self.number == 0


def team_of(machine: Machine) -> Team:
    """The device of this process, and the others that a launcher started with it.

    >>> team_of(Machine("cpu"))
    Team(device=device(type='cpu'), number=0, count=1)

    Raises:
        UsageError: there is no such device.
    """
    if STARTED in os.environ:
        from accelerate import PartialState

        state = PartialState(cpu=machine.device == "cpu")
        return Team(state.device, state.process_index, state.num_processes)
    name = machine.device
    # Before the first use of CUDA: without it its matrix products differ from run to run.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
        name = "mps" if name == "cpu" and torch.backends.mps.is_available() else name
    try:
        device = torch.device(name)
        torch.empty(0, device=device).cpu()
    except (RuntimeError, AssertionError) as error:
        raise UsageError(
            f"no device {name!r}: {str(error).splitlines()[0]}",
            hint="--device auto, cpu, cuda or mps",
        ) from error
    return Team(device)


def sharing(backward: Backward, team: Team, arithmetic: Arithmetic = "float32") -> Backward:
    """The same gradient from all processes together, in an arithmetic; alone, nothing is changed.

    Args:
        backward: adds the gradient of one item to the parameters, and gives its loss.
        team: who shares the batches.
        arithmetic: of forward and backward; weights, gradients and steps stay in float32.

    Raises:
        UsageError: several processes, and not the likelihood of the answers: what a defence adds
            is no sum over examples.
    """
    computed = backward

    def in_bfloat16(model: Any, item: Any) -> torch.Tensor:
        # Without the cache: weights that change in between, as in TAR, would be read as before.
        with torch.autocast(team.device.type, torch.bfloat16, cache_enabled=False):
            return backward(model, item)

    if arithmetic == "bfloat16":
        computed = in_bfloat16
    if team.count == 1:
        return computed
    if backward is not plain:
        raise UsageError(
            f"a defence trains in one process, and {team.count} were started",
            hint="start it without accelerate launch",
        )

    def together(model: Any, batch: Batch) -> torch.Tensor:
        from accelerate.utils import reduce

        own, weight = own_rows(batch, team)
        loss = computed(model, own) * weight if weight else torch.zeros(())
        for each in model.parameters():
            if each.requires_grad:
                gradient = torch.zeros_like(each) if each.grad is None else each.grad.mul_(weight)
                each.grad = reduce(gradient, "sum")
        total: torch.Tensor = reduce(loss.to(team.device), "sum")
        return total

    return together


def train_on(
    machine: Machine,
    team: Team,
    model: Any,
    stream: Iterable[Any],
    phase: Phase,
    backward: Backward,
    arithmetic: Arithmetic,
) -> None:
    """Train a model as the machine and the processes of it allow.

    Args:
        machine: what the training may use.
        team: the processes that share it.
        model: what is trained.
        stream: an item for each step.
        phase: how the training runs.
        backward: adds the gradient of one item to the parameters, and gives its loss.
        arithmetic: of forward and backward.

    Raises:
        UsageError: a defence can't do with several processes.
        UnsupportedModelError: the model can't compute states twice.
    """
    checkpointed(model, machine)
    same_start(model, team)
    train(model, stream, phase, sharing(backward, team, arithmetic))


def own_rows(batch: Batch, team: Team) -> tuple[Batch, float]:
    """The rows of a batch that a process computes, and how much of the mean loss they are.

    >>> batch = (torch.tensor([[1, 2], [1, 3], [1, 4]]), torch.tensor([[-100, 2]] * 3))
    >>> (tokens, _), weight = own_rows(batch, Team(torch.device("cpu"), number=1, count=2))
    >>> tokens.tolist(), round(weight, 3)
    ([[1, 3]], 0.333)

    Args:
        batch: tokens and labels, ``[examples, length]`` both.
        team: the processes.
    """
    inputs, labels = (each[team.number :: team.count] for each in batch)
    learnt = int((batch[1][:, 1:] != IGNORED).sum())
    return (inputs, labels), int((labels[:, 1:] != IGNORED).sum()) / learnt


def same_start(model: torch.nn.Module, team: Team) -> None:
    """Give every process the first one's trained weights, such as those of a new adapter."""
    if team.count == 1:
        return
    from accelerate.utils import broadcast

    for each in model.parameters():
        if each.requires_grad:
            each.data = broadcast(each.data)


def checkpointed(model: Any, machine: Machine) -> None:
    """Keep no states inside the blocks, where the machine is to do without.

    Raises:
        UnsupportedModelError: the model's code has no such thing.
    """
    if not machine.checkpointing:
        return
    # Its name until transformers 5.22; without re-entry, which adapters on frozen weights need.
    older = "gradient_checkpointing_enable"
    try:
        getattr(model, "activation_checkpointing_enable", getattr(model, older))()
    except ValueError as error:
        raise UnsupportedModelError(
            f"{type(model).__name__} can't compute its states twice",
            hint="leave out --checkpointing",
        ) from error


@contextmanager
def written_by_first(out: Path, team: Team) -> Iterator[Path | None]:
    """The folder of `whole` in the first process, None in the others; all leave together."""
    if team.count == 1:
        with whole(out) as folder:
            yield folder
        return
    from accelerate import PartialState

    if team.first:
        with whole(out) as folder:
            yield folder
    else:
        yield None
    PartialState().wait_for_everyone()
