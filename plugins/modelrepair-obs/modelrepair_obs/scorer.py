"""Optimal Brain Surgeon: what a layer's outputs lose where an entry is removed and the rest adapts.

The loss of one row w of a layer on inputs X is ‖(w − ŵ)·X‖², with the Hessian H = 2·X·Xᵀ. Removing
entry j, with the best values of all others, costs w_j²/(2·[H⁻¹]_jj): Hassibi & Stork, NIPS 5
(1993), equation 5; SparseGPT scores by the same number without its constant, Frantar & Alistarh,
arXiv 2301.00774, equation 3. Here the saliency on benign answers is subtracted from that on
harmful ones: what harmful answers need most, and benign ones least, goes first.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from modelrepair.plugin import SetName, SiteView, Statistics, SubjectKind
from modelrepair_obs.grams import GroupedGram, groups_of
from modelrepair_obs.options import ObsOptions

RIDGES = tuple(10.0**exponent for exponent in range(-12, 1))
"""Shares of the mean diagonal that are tried on a Hessian that has no Cholesky factor."""


def column_costs(hessians: Tensor, damping: float) -> Tensor:
    """1/(2·[(H + λI)⁻¹]_jj) of every column j: the saliency of an entry of size 1.

    λ is the damping times the mean diagonal of the columns that have input, of all groups
    together: what groups change is only which pairs of columns count. A column without input
    costs nothing.

    >>> column_costs(torch.tensor([[[2.0, 1.0], [1.0, 2.0]]]), damping=0.0).float().tolist()
    [0.75, 0.75]
    >>> column_costs(torch.tensor([[[4.0, 0.0], [0.0, 0.0]]]), damping=0.5).float().tolist()
    [3.0, 0.0]

    Args:
        hessians: H of each group of columns, ``[groups, size, size]``, symmetric, not negative.
        damping: share of the mean diagonal that is added to the diagonal.
    """
    diagonal = hessians.diagonal(dim1=1, dim2=2).double()
    used = diagonal > 0
    if not used.any():
        return torch.zeros_like(diagonal).flatten()
    mean = float(diagonal[used].mean())
    # One group at a time: the memory that this takes is that of two groups.
    inverses = torch.stack([_inverse_diagonal(each, damping, mean) for each in hessians])
    return torch.where(used, 1 / (2 * inverses), 0.0).flatten()


def _inverse_diagonal(hessian: Tensor, damping: float, mean: float) -> Tensor:
    """[(H + λI)⁻¹]_jj from a Cholesky factor in float64, ``[size]``.

    Fewer tokens than columns leave H singular, and sums of float32 products may leave it slightly
    negative: with too little damping it gets the smallest ridge that it has a factor with.
    """
    used = hessian.diagonal() > 0
    identity = torch.eye(len(hessian), dtype=torch.float64, device=hessian.device)
    for share in (damping, *(ridge for ridge in RIDGES if ridge > damping)):
        # A column without input stands apart from all others: any number above 0 serves there.
        ridge = torch.where(used, share * mean, mean)
        factor, failed = torch.linalg.cholesky_ex(hessian.double() + ridge.double().diag())
        if not failed:
            inverse = torch.linalg.solve_triangular(factor, identity, upper=False)
            diagonal: Tensor = inverse.square().sum(dim=0)  # H⁻¹ = L⁻ᵀ·L⁻¹
            return diagonal
    raise ValueError("the Hessian has no Cholesky factor with any damping")


def saliency(subject: Tensor, costs: Tensor) -> Tensor:
    """w_ij²/(2·[H⁻¹]_jj), ``[out, in]`` float64.

    >>> saliency(torch.tensor([[1.0, -2.0]]), torch.tensor([3.0, 0.5])).tolist()
    [[3.0, 2.0]]

    Args:
        subject: what masking removes, ``[out, in]``: the weight, or its delta from the reference.
        costs: 1/(2·[H⁻¹]_jj), ``[in]``.
    """
    return subject.double().square() * costs


class OptimalBrainSurgeon:
    """Saliency on harmful answers minus saliency on benign ones."""

    def __init__(self, options: ObsOptions, subject_kind: SubjectKind) -> None:
        self._options = options
        self._gram = GroupedGram(group=options.group, tokens=options.tokens)

    @property
    def needs(self) -> Mapping[SetName, tuple[GroupedGram, ...]]:
        """The inputs' Gram matrix over harmful answers, and over the others."""
        needs: dict[SetName, tuple[GroupedGram, ...]] = {"realign": (self._gram,)}
        if self._options.minus != "none":
            needs[self._options.minus] = (self._gram,)
        return needs

    def score(self, view: SiteView, statistics: Statistics) -> Tensor:
        """Above 0 where harmful answers lose more than the others, ``[out, in]``."""
        costs = self._costs("realign", view, statistics)
        if self._options.minus != "none":
            costs = costs - self._costs(self._options.minus, view, statistics)
        # Where a device lacks float64 the sums are on the host; so is the product then.
        found = saliency(view.subject.to(costs.device), costs)
        return found.float().to(view.subject.device)

    def _costs(self, name: SetName, view: SiteView, statistics: Statistics) -> Tensor:
        """The cost of each column over a set's mean token, ``[in]``.

        Over its mean example, a set with longer answers would outweigh the other.
        """
        state = statistics[name, self._gram]
        hessians = 2 * state["sum"] / state["tokens"].clamp(min=1)  # an expert may have seen none
        columns = view.subject.shape[1]
        groups = groups_of(columns, self._options.group)
        expected = (groups.number, groups.size, groups.size)
        if tuple(hessians.shape) != expected:
            raise ValueError(
                f"the Gram matrix of {name} is {list(hessians.shape)}, expected {list(expected)} "
                f"for the {columns} columns of {view.name}"
            )
        return column_costs(hessians, self._options.damping)[:columns]
