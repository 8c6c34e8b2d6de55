"""Candidates of a search, with made-up measures."""

from __future__ import annotations

from pathlib import Path

from modelrepair.engine.weights import Masks
from modelrepair.search.candidates import Candidate
from tests.support.made_up_costs import results


def point(share: float, measured) -> Candidate:
    return Candidate("mine", 1, share, share, Masks(Path(f"{share}")), None, tuple(measured))


SAFE = results(0.0)
