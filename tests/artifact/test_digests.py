"""A repair's digest depends on its manifest without the run."""

from __future__ import annotations

import pytest

from modelrepair.artifact.digests import canonical, digest
from modelrepair.artifact.records import Run
from tests.support.small_repairs import draft


def test_the_digest_leaves_out_the_run_and_nothing_else():
    one = draft()
    other = one.model_copy(update={"run": Run(time="later", duration=9.0, device="cuda")})
    assert digest(one) == digest(other)
    assert digest(one) != digest(one.model_copy(update={"ratio": 0.2}))


def test_infinity_has_no_canonical_form():
    with pytest.raises(ValueError, match="JSON"):
        canonical(float("inf"))
