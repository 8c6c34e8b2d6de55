"""The checks of repairers: which of them ask what edits, and which what trains."""

from __future__ import annotations

from modelrepair.testing import check
from modelrepair.testing.common import COMMON
from modelrepair.testing.repairers import CHECKS
from tests.support.broken_plugins.broken import named
from tests.support.broken_plugins.repairers import GOOD, GOOD_TRAINING

TRAINS = {"steps", "trains", "frozen", "same-training"}


def skipped(record) -> set[str]:
    return {each.id for each in record.checks if each.outcome == "skipped"}


def test_a_repairer_that_edits_is_asked_nothing_about_training(install):
    install("broken-good", named(GOOD, "good"))
    assert skipped(check("repairer", "good")) == {*TRAINS, "options"}


def test_a_repairer_that_trains_is_asked_nothing_about_edits(install):
    install("broken-good", named(GOOD_TRAINING, "good"))
    own = {each.id for each in CHECKS} - {each.id for each in COMMON}
    assert skipped(check("repairer", "good")) >= own - TRAINS - {
        "sets", "no-random", "no-writes", "reference-flag"
    }  # fmt: skip
    assert not skipped(check("repairer", "good")) & {*TRAINS, "sets"}
