"""What ablation took out of the weights, found in the weights alone and learnt again.

Ablation (Arditi et al., arXiv 2406.11717) leaves W' = W − s·r(rᵀW) in every matrix that writes to
the residual stream: nothing of it, or little, is written along r. So r can be read from W': it is
the last left singular vector, apart from all others, and the same in several matrices. What is
lost is the row rᵀW of each matrix; it is learnt from refusals and benign answers, and nothing else
is changed: W' + r·vᵀ. Where no direction is missing, r is the one along which a step of all these
matrices would make refusals likeliest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from modelrepair import UnsupportedModelError
from modelrepair.plugin import TrainingContext
from modelrepair_rivals.options import RestoreOptions
from modelrepair_rivals.realignment import SETS, in_turns
from modelrepair_rivals.writers import Writer, writers

EMPTY = 0.1
"""The energy along a direction, over the mean of all, under which it counts as removed. Softened to
70 %, .09 is left. Random matrices of four times as many columns as rows have .25 at least."""
GAP = 4.0
"""By how much the energy of the first direction that was not removed is above that of the last."""
MOST = 8
"""Directions of one matrix."""


def energies(weight: Tensor) -> tuple[Tensor, Tensor]:
    """What a matrix writes along each of its left singular vectors, least first; mean 1.

    >>> energies(torch.diag(torch.tensor([3.0, 1.0])))[0].tolist()
    [0.2, 1.8]

    Args:
        weight: ``[out, in]``.

    Returns:
        ``[out]`` float64, and the vectors as columns ``[out, out]``.
    """
    gram = weight.double() @ weight.double().T
    values, vectors = torch.linalg.eigh(gram / gram.diagonal().mean())
    return values.clamp_min(0), vectors


def along(directions: Tensor, weight: Tensor) -> Tensor:
    """What a matrix writes along directions, over the mean of all: ``[count]``.

    >>> along(torch.tensor([[0.0], [1.0]]), torch.diag(torch.tensor([3.0, 1.0]))).tolist()
    [0.2...]

    Args:
        directions: columns of length 1, ``[out, count]``.
        weight: ``[out, in]``.
    """
    found: Tensor = (directions.T @ weight).square().sum(1) / weight.square().sum()
    return found * weight.shape[0]


def missing(weight: Tensor) -> Tensor:
    """The directions apart from all others that a matrix hardly writes along: ``[out, count]``.

    >>> missing(torch.diag(torch.tensor([1.0, 0.0, 1.0]))).abs().tolist()
    [[0.0], [1.0], [0.0]]
    """
    values, vectors = energies(weight)
    after = values[1 : MOST + 1]
    if not len(after):
        return vectors[:, :0].to(weight.dtype)
    rises = after / values[: len(after)].clamp_min(1e-12)
    count = int(rises.argmax()) + 1
    if rises[count - 1] < GAP or values[count - 1] > EMPTY:
        count = 0
    return vectors[:, :count].to(weight.dtype)


def removed(matrices: Sequence[Tensor]) -> list[Tensor]:
    """The directions removed from each matrix, orthonormal columns ``[out, count]``.

    A direction counts where a second matrix hardly writes along it, too: a square matrix often has
    one of its own.

    Args:
        matrices: all that may write to the residual stream, ``[out, in]`` each, of one ``out``.
    """
    every = torch.cat([missing(each) for each in matrices], dim=1)
    empty = torch.stack([along(every, each) <= EMPTY for each in matrices])
    return [_basis(every[:, row & (empty.sum(0) > 1)]) for row in empty]


def _basis(vectors: Tensor) -> Tensor:
    """One column for each direction that the vectors share."""
    left, values, _ = torch.linalg.svd(vectors, full_matrices=False)
    # The same direction n times has √n, and what rounding sets apart next to nothing.
    kept: Tensor = left[:, values > 0.5 * values[:1]]
    return kept


def wanted(context: TrainingContext, matrices: Sequence[Writer], count: int) -> Tensor:
    """The direction of the largest gradient of refusals, of all matrices together: ``[out, 1]``.

    Args:
        context: the model, and its refusals.
        matrices: that write to the hidden states.
        count: of the refusals, the first.
    """
    examples = context.batch(context.sets["refusal"][:count])
    torch.autograd.backward(context.losses(examples).sum())
    gradients = [each.gradient for each in matrices]
    _, vectors = torch.linalg.eigh(
        sum((each @ each.T).double() for each in gradients if each is not None)
    )
    for each in matrices:
        each.weight.grad = None
    found: Tensor = vectors[:, -1:].float()
    return found


class Restore:
    """Learns back what was written along the removed directions; its strength is the steps."""

    def __init__(self, options: RestoreOptions) -> None:
        self._options = options

    def train(self, context: TrainingContext) -> Iterator[float]:
        """Find the directions, train their rows alone, and stop every few steps.

        Raises:
            UnsupportedModelError: fewer than two matrices write to the hidden states.
        """
        options = self._options
        found = writers(context)
        if len(found) < 2:
            raise UnsupportedModelError(
                "no two matrices write to the hidden states of this model",
                hint="leave --repairer away, or take one that trains all weights",
            )
        for each in context.parameters:
            each.requires_grad_(any(each is writer.weight for writer in found))
        bases = removed([each.matrix for each in found])
        if not any(each.numel() for each in bases):
            context.note(
                f"no direction is missing from two of {len(found)} matrices: what ablation "
                "removed was not found, and the direction of the refusals' largest gradient was "
                "trained in its place"
            )
            bases = [wanted(context, found, 4 * options.batch)] * len(found)
        for writer, base in zip(found, bases, strict=True):
            writer.weight.requires_grad_(bool(base.numel()))
        rows = [_Rows(*pair) for pair in zip(found, bases, strict=True) if pair[1].numel()]
        generator = torch.Generator().manual_seed(context.seed)
        turns = [in_turns(context.sets[name], options.batch, generator) for name in SETS]
        optimizer = torch.optim.Adam([row.learnt for row in rows], lr=options.rate)
        for step in range(1, options.steps + 1):
            for turn in turns:
                torch.autograd.backward(context.losses(context.batch(next(turn))).mean())
            for row in rows:
                row.take_gradient()
            optimizer.step()
            for row in rows:
                row.write()
            if step % options.every == 0 or step == options.steps:
                yield step


class _Rows:
    """A matrix W' + scale·R·V, of which V ``[count, in]`` is learnt, from zero."""

    def __init__(self, writer: Writer, basis: Tensor) -> None:
        self._writer, self._basis = writer, basis
        self._before = writer.matrix.clone()
        # In units of the matrix' own entries one learning rate fits all.
        self._scale = self._before.square().mean().sqrt()
        self.learnt = torch.zeros(
            basis.shape[1],
            self._before.shape[1],
            device=self._before.device,
            requires_grad=True,
        )

    def take_gradient(self) -> None:
        """The matrix' gradient becomes that of its rows."""
        gradient = self._writer.gradient
        assert gradient is not None
        self.learnt.grad = self._scale * self._basis.T @ gradient
        self._writer.weight.grad = None

    @torch.no_grad()
    def write(self) -> None:
        """Put the rows into the matrix."""
        self._writer.matrix.copy_(self._before + self._scale * self._basis @ self.learnt)
