"""The plan of a command checks what the command would."""

from __future__ import annotations

import pytest

from modelrepair.demo import paths
from modelrepair.errors import UsageError
from modelrepair.pipeline.planning import plan_of
from modelrepair.settings.settings import Settings

REALIGN = str(paths.sets["realign"])


def test_a_plan_checks_names_and_options():
    with pytest.raises(UsageError, match="no scorer named"):
        plan_of(Settings(str(paths.attacked), scorer="wnada"))
    with pytest.raises(UsageError, match="has no option"):
        plan_of(Settings(str(paths.attacked), scorer_options={"x": "1"}))
    with pytest.raises(UsageError, match="scope is"):
        plan_of(Settings(str(paths.attacked), scope="layer"))
    made = plan_of(Settings(str(paths.attacked), scorer="contrast", realign=REALIGN,
                                    utility=str(paths.sets["utility"])))  # fmt: skip
    assert {each.set for each in made.passes} >= {"refusal", "utility"}
    assert made.rounds == "several"


@pytest.mark.usefixtures("own_repairers")
def test_a_plan_of_a_training_counts_its_copies_of_the_model(monkeypatch):
    monkeypatch.setattr("modelrepair.preflight.plan.block_memory", lambda *_: 0)
    monkeypatch.setattr("modelrepair.preflight.plan.head_memory", lambda *_: 0)
    sets = {"realign": REALIGN, "refusal": str(paths.sets["refusal"])}
    given = {**sets, "reference": str(paths.reference), "utility": str(paths.sets["utility"])}
    four, five = (
        plan_of(Settings(str(paths.attacked), repairer=name, **given))
        for name in ("tune", "follow")
    )
    assert five.peak_bytes - four.peak_bytes == 4 * five.parameters
