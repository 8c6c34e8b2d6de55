"""Random: entries by lot, the control that every scorer has to beat at the same ratio."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor

from modelrepair.plugin import Accumulator, SetName, SiteView, Statistics, SubjectKind
from modelrepair_rivals.options import RandomOptions


def random_score(name: str, shape: tuple[int, int], seed: int) -> Tensor:
    """Uniform numbers in [0, 1) that depend on seed and site alone, ``[out, in]``.

    >>> one, two = (random_score("layer.weight", (2, 3), seed=0) for _ in range(2))
    >>> bool((one == two).all()), bool((one == random_score("other", (2, 3), seed=0)).any())
    (True, False)

    Args:
        name: the site's name; each has numbers of its own, whatever was drawn before.
        shape: (out, in).
        seed: another one, other numbers.
    """
    key = hashlib.sha256(f"{seed} {name}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(key[:8], "little") >> 1)
    return torch.rand(shape, generator=generator)


class Random:
    """Scores entries by lot."""

    def __init__(self, options: RandomOptions, subject_kind: SubjectKind) -> None:
        self._seed = options.seed

    @property
    def needs(self) -> Mapping[SetName, tuple[Accumulator, ...]]:
        """Nothing."""
        return {}

    def score(self, view: SiteView, statistics: Statistics) -> Tensor:
        """Uniform numbers, ``[out, in]``."""
        return random_score(view.name, view.info.shape, self._seed).to(view.subject.device)
