"""The scorers pass the conformance kit, as any third party's must."""

from __future__ import annotations

from modelrepair.testing import ScorerConformance


class TestRandom(ScorerConformance):
    name = "random"


class TestWeiWanda(ScorerConformance):
    name = "wei-wanda"


class TestWeiSnip(ScorerConformance):
    name = "wei-snip"
