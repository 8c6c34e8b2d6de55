"""The conformance kit of modelrepair, on what this package offers."""

from __future__ import annotations

from modelrepair.testing import ScorerConformance


class TestExampleScorer(ScorerConformance):
    """All checks of the kit, as `modelrepair plugins check` runs them."""

    name = "example"
