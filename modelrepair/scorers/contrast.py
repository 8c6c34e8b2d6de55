"""Contrast: which entries, once masked, bring refusals back at no cost; signed, asked in rounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from modelrepair.plugin.accumulators import ExampleGradients, Gradients
from modelrepair.plugin.names import SetName, SubjectKind
from modelrepair.plugin.scorer import Loss, SiteView, Statistics
from modelrepair.scorers.options import ContrastOptions

EASED, LEAST_PENALTY = 1 / 4, 1 / 32
"""How λ is eased where nothing is left to mask: to a quarter, and no further than a 32nd."""


def contrast_score(
    subject: Tensor,
    refusal: Tensor,
    utility: Tensor,
    utility_size: Tensor,
    realign: Tensor | None,
    *,
    mu: float,
    lambda_: float,
    eta: float,
) -> Tensor:
    """Q·(g_refusal + μ·g_utility − η·g_realign) − λ·|Q|·E_example|g_utility|.

    The first-order Taylor expansion of three mean answer losses where Q is taken away: a
    positive score says that refusals become likelier (and harmful answers unlikelier), and the
    last term that no single benign answer hangs on the entry. Signed first-order scores towards a
    safe answer: Orgad et al., arXiv 2604.09544; the iteration and the penalty are ours.

    >>> import torch
    >>> one = torch.ones(1, 1)
    >>> contrast_score(one, one, 0 * one, one / 2, None, mu=2, lambda_=1, eta=0).item()
    0.5

    Args:
        subject: Q, what masking takes away, ``[out, in]``.
        refusal: mean gradient on refusals, ``[out, in]``.
        utility: mean gradient on benign answers, ``[out, in]``.
        utility_size: mean of the benign examples' |g|, ``[out, in]``.
        realign: mean gradient on harmful answers, ``[out, in]``, or None where η is 0.
        mu: weight of the benign answers' mean change.
        lambda_: weight of the penalty on single benign answers.
        eta: weight of making harmful answers unlikelier.
    """
    direction = refusal + mu * utility
    if realign is not None:
        direction = direction - eta * realign
    return subject * direction - lambda_ * subject.abs() * utility_size


class Contrast:
    """Scores entries by what masking them does to refusals, benign and harmful answers."""

    def __init__(self, options: ContrastOptions, subject_kind: SubjectKind) -> None:
        self._options, self._subject_kind = options, subject_kind
        self._eta = options.eta
        self.losses: Mapping[SetName, Loss] = {"utility": options.benign_for(subject_kind)}
        known = options.tokens_for(subject_kind) == "known"
        self.known: tuple[SetName, ...] = ("utility",) if known else ()
        self._mean = Gradients()
        self._single = ExampleGradients()

    @property
    def needs(self) -> Mapping[SetName, tuple[Gradients | ExampleGradients, ...]]:
        """Gradients on refusals and benign answers, and on harmful ones where they count."""
        needs: dict[SetName, tuple[Gradients | ExampleGradients, ...]] = {
            "refusal": (self._mean,),
            "utility": (self._single,),
        }
        if self._eta > 0:
            needs["realign"] = (self._mean,)
        return needs

    def eased(self) -> Contrast | None:
        """The same with a smaller λ; None where it is small already.

        Refusals' gradients vanish as refusals become likely, those of single benign answers don't:
        the penalty then outweighs all that is left to gain.
        """
        smaller = self._options.lambda_ * EASED
        if smaller < LEAST_PENALTY:
            return None
        return Contrast(replace(self._options, lambda_=smaller), self._subject_kind)

    def score(self, view: SiteView, statistics: Statistics) -> Tensor:
        """The contrast of one site, ``[out, in]``; more than 0 is worth masking."""
        refusal = statistics["refusal", self._mean]["sum"] / statistics.examples("refusal")
        benign = statistics["utility", self._single]
        count = statistics.examples("utility")
        realign = None
        if self._eta > 0:
            realign = statistics["realign", self._mean]["sum"] / statistics.examples("realign")
        score = contrast_score(
            view.subject.double(),
            refusal,
            benign["sum"] / count,
            benign["absolute"] / count,
            realign,
            mu=self._options.mu,
            lambda_=self._options.lambda_,
            eta=self._eta,
        )
        return score.float()
