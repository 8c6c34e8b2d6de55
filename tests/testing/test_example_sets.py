"""The checks of example sets, by the sets that modelrepair knows by name."""

from __future__ import annotations

import pytest

from modelrepair.examples.registered import EXAMPLE_SETS
from modelrepair.testing import check
from modelrepair.testing.network import no_network

UNPINNED = {"harmbench": {"revision": "no commit is pinned by several projects"}}


@pytest.mark.parametrize("name", [spec.name for spec in EXAMPLE_SETS])
def test_the_sets_that_are_known_by_name_pass_without_the_network(name):
    with no_network() as tried:
        record = check("example-set", name, expected_failures=UNPINNED.get(name, {}))
    assert record.ok, [each for each in record.checks if each.outcome == "failed"]
    assert record.counts.expected_failure == len(UNPINNED.get(name, {}))
    assert not tried


def test_a_local_file_is_read_and_a_set_on_the_hub_is_not():
    ran = {
        name: {each.id for each in check("example-set", name).checks if each.outcome == "passed"}
        for name in ("plain", "alpaca")
    }
    assert ran["plain"] >= {"usable-rows", "prompts-once", "same-splits", "own-prompts"}
    assert not ran["alpaca"] & {"rows", "usable-rows", "prompts-once", "same-splits"}
    assert "revision" in ran["alpaca"]
