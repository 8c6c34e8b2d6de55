"""What a check is."""

from __future__ import annotations

import re

import pytest

from modelrepair.testing.kinds import KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_checks_have_ids_of_their_own_and_say_what_they_demand(kind):
    checks = KINDS[kind].checks
    assert len({check.id for check in checks}) == len(checks)
    for check in checks:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", check.id)
        assert check.demands.endswith(".")
        assert check.says
