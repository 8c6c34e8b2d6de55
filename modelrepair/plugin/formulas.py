"""Published scores that several scorers use: Wanda and the first-order change of a loss."""

from __future__ import annotations

from torch import Tensor


def wanda_score(subject: Tensor, norms: Tensor) -> Tensor:
    """|Q_ij|·‖X_j‖ (Antidote, arXiv 2408.09600, equation 1; Wanda, arXiv 2306.11695, equation 1).

    >>> import torch
    >>> wanda_score(torch.tensor([[1.0, -2.0]]), torch.tensor([3.0, 1.0])).tolist()
    [[3.0, 2.0]]

    Args:
        subject: Q, ``[out, in]``.
        norms: ‖X_j‖ of each input channel, ``[in]``.
    """
    return subject.abs() * norms


def root_mean_square(squares: Tensor, examples: int) -> Tensor:
    """sqrt((1/N)·Σ_x ‖X_j(x)‖²), the norm of the published code, ``[in]``.

    >>> import torch
    >>> root_mean_square(torch.tensor([8.0]), 2).tolist()
    [2.0]

    Args:
        squares: Σ_x ‖X_j(x)‖² of each input channel, ``[in]``.
        examples: N.
    """
    return (squares / examples).sqrt()


def mean_norm(norms: Tensor, examples: int) -> Tensor:
    """(1/N)·Σ_x ‖X_j(x)‖, the norm of the paper's equation 1, ``[in]``.

    >>> import torch
    >>> mean_norm(torch.tensor([8.0]), 2).tolist()
    [4.0]

    Args:
        norms: Σ_x ‖X_j(x)‖ of each input channel, ``[in]``.
        examples: N.
    """
    return norms / examples


def gradient_score(subject: Tensor, gradient: Tensor) -> Tensor:
    """|Q_ij·g_ij|, the first-order change of the loss when the entry is masked.

    With g the mean gradient this is SNIP (Lee et al., arXiv 1810.02340, equation 4); with g the
    mean of the examples' |g_e| it is the score of Wei et al. (arXiv 2402.05162, equation 3).

    >>> import torch
    >>> gradient_score(torch.tensor([[1.0, -2.0]]), torch.tensor([[3.0, 1.0]])).tolist()
    [[3.0, 2.0]]

    Args:
        subject: Q, ``[out, in]``.
        gradient: E g or E|g|, ``[out, in]``.
    """
    return (subject * gradient).abs()
