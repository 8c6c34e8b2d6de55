"""The scorer passes the conformance kit, as any third party's must."""

from __future__ import annotations

from modelrepair.testing import ScorerConformance


class TestObs(ScorerConformance):
    name = "obs"
