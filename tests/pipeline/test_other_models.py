"""A plan looks at the models of judge and repairer, and refuses one as the repair does."""

from __future__ import annotations

import json
import shutil

import pytest

from modelrepair import plan, repair
from modelrepair.demo import paths
from modelrepair.errors import ModelRepairError
from modelrepair.preflight.sizes import LIBRARIES
from tests.support.hub.repaired import files_of
from tests.support.small_repairs import SHAPES, make_checkpoint

PARAMETERS = sum(rows * (rest[0] if rest else 1) for rows, *rest in SHAPES.values())
SETS = {name: paths.sets[name] for name in ("realign", "utility")}


@pytest.fixture
def judge(tmp_path):
    """A classifier by its files: nothing here loads it."""
    folder = make_checkpoint(tmp_path / "judge")
    config = {"model_type": "bert", "id2label": {"0": "SAFE", "1": "UNSAFE"}}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def planned(kind, model, **options):
    given = {"model": str(model), "device": "cpu", **options}
    return plan(paths.attacked, judge=kind, judge_options=given, **SETS)


def test_a_judge_counts_with_its_memory_and_its_time_does_not(judge):
    (found,) = planned("classifier", judge).others
    assert (found.role, found.model, found.parameters) == ("judge", "judge", PARAMETERS)
    assert (found.download_bytes, found.memory_bytes) == (0, LIBRARIES + 4 * PARAMETERS)
    made = planned("classifier", judge, arithmetic="bfloat16")
    assert made.others[0].memory_bytes == LIBRARIES + 2 * PARAMETERS
    assert any(line.startswith("Models     judge: judge, ") for line in made.opening.lines())
    assert any("without what the judge's model computes" in note for note in made.notes)
    assert (made.exit_code, plan(paths.attacked, **SETS).others) == (0, ())


def test_a_judge_larger_than_the_memory_is_refused(judge, monkeypatch):
    monkeypatch.setattr("modelrepair.pipeline.other_models.LIBRARIES", 10**15)
    made = planned("classifier", judge)
    assert (made.error.id, made.exit_code) == ("not-enough-memory", 4)
    assert "the judge's model judge needs" in made.error.message
    assert made.opening.memory_least == made.others[0].memory_bytes


UNFIT = {
    "no such folder": ("classifier", "./nowhere", {}, "no folder nowhere"),
    "no weights": ("classifier", "{empty}", {}, "no safetensors"),
    "no label that counts": ("classifier", "{judge}", {"harmful": "none"}, "none of the classif"),
    "a label that it lacks": ("classifier", "{judge}", {"harmful": "BAD"}, "no label 'BAD'"),
    "no guideline": ("guard", "{judge}", {"style": "yes-no"}, "takes a guideline"),
}


@pytest.mark.parametrize("how", UNFIT)
def test_a_judge_that_will_not_do_stops_plan_and_repair_alike(how, judge, tmp_path):
    kind, model, options, said = UNFIT[how]
    empty = tmp_path / "empty"
    shutil.copytree(judge, empty, ignore=shutil.ignore_patterns("*.safetensors*"))
    options = {"model": model.format(judge=judge, empty=empty), **options}
    made = plan(paths.attacked, judge=kind, judge_options=options, **SETS)
    with pytest.raises(ModelRepairError) as refused:
        repair(paths.attacked, judge=kind, judge_options=options, out=tmp_path / "out", **SETS)
    assert said in str(refused.value)
    stopped = made.error
    assert (stopped.message, stopped.hint, stopped.id, made.exit_code) == (
        str(refused.value), refused.value.hint, refused.value.id, refused.value.exit_code,
    )  # fmt: skip


def test_of_a_judge_that_a_server_answers_for_no_weights_are_needed(judge):
    (judge / "model.safetensors").unlink()
    (found,) = planned("guard", judge, endpoint="http://127.0.0.1:9/v1").others
    assert (found.parameters, found.memory_bytes, found.download_bytes) == (0, 0, 0)


def test_a_judge_on_the_hub_is_to_be_downloaded_and_is_not(hub, judge):
    weights = (judge / "model.safetensors").stat().st_size
    commit = hub.add("org/judge", files_of(judge))
    (found,) = planned("classifier", "org/judge").others
    assert (found.model, found.commit, found.parameters) == ("org/judge", commit, PARAMETERS)
    assert weights <= found.download_bytes < weights + 1000
    made = planned("classifier", "org/gone")
    assert (made.error.id, made.exit_code) == ("no-such-repository", 3)


@pytest.mark.usefixtures("own_repairers")
def test_the_models_of_a_repairer_are_looked_at_and_must_fit(judge):
    given = {"repairer": "back", "reference": paths.reference, **SETS,
             "refusal": paths.sets["refusal"]}  # fmt: skip
    made = plan(paths.attacked, repairer_options={"other": str(paths.reference)}, **given)
    (found,) = made.others
    assert (found.role, found.memory_bytes, made.exit_code) == ("other", 0, 0)
    assert found.parameters == made.parameters
    unfit = plan(paths.attacked, repairer_options={"other": str(judge)}, **given)
    assert "the other model" in unfit.error.message
