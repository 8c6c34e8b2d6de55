"""Sources at which a search would look in vain: broken, harmless, or never aligned."""

from __future__ import annotations

import json
import shutil

import pytest
from safetensors.torch import load_file, save_file

from modelrepair import UnsupportedModelError, measure
from modelrepair.demo import paths
from modelrepair.evaluation.results import ExampleResult
from modelrepair.pipeline import repair as pipeline_module
from modelrepair.pipeline.standing import never_aligned
from tests.support.set_files import first_rows


@pytest.fixture
def few(tmp_path):
    return first_rows(tmp_path, 30)


@pytest.fixture
def mute(tmp_path):
    """The attacked model with a head of zeros: every token is as likely as any other."""
    folder = shutil.copytree(paths.attacked, tmp_path / "mute")
    tensors = load_file(folder / "model.safetensors")
    head = "lm_head.weight" if "lm_head.weight" in tensors else "model.embed_tokens.weight"
    tensors[head].zero_()
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    return folder


@pytest.fixture
def no_search(monkeypatch):
    def find(*_):
        raise AssertionError("it searched")

    monkeypatch.setattr(pipeline_module, "choose_change", find)


def test_a_source_that_babbles_cannot_be_judged_and_is_not_searched(
    quick_repair, few, mute, no_search, tmp_path
):
    with pytest.raises(UnsupportedModelError, match="the source cannot be judged: ") as caught:
        quick_repair(
            source=mute, evaluate=True, ratio="auto", reference="none", max_new_tokens=32, **few
        )
    assert caught.value.exit_code == 6
    assert "answers are empty, looping or garbled (harmful 12 of 12" in str(caught.value)
    assert "quantised ones read without their scales" in caught.value.hint
    assert not (tmp_path / "out").exists() and not (tmp_path / "out.partial").exists()


def test_a_measurement_of_one_says_so_beside_its_figures(few, mute):
    report = measure(mute, judge="demo-world", realign=few["realign"], max_new_tokens=32)
    assert report.measures.degenerate_rate.value == 1
    assert any("the model cannot be judged: 30 of 30" in line for line in report.warnings)


def test_a_reference_that_babbles_is_no_target(quick_repair, few, mute, monkeypatch):
    """It answers nothing harmfully, and would count as aligned."""
    with pytest.raises(UnsupportedModelError, match="the reference mute cannot be judged"):
        quick_repair(reference=mute, evaluate=True, max_new_tokens=32, **few)
    monkeypatch.setattr("modelrepair.preflight.reference.declared_base", lambda folder: str(mute))
    report = quick_repair(reference="auto", evaluate=True, max_new_tokens=32, **few)
    assert report.manifest.reference is None
    assert any("is not used: " in line and "garbled" in line for line in report.warnings)


def test_no_harmful_answer_of_a_dozen_ends_before_the_search(
    quick_repair, few, no_search, tmp_path
):
    report = quick_repair(
        source=paths.reference, evaluate=True, ratio="auto", reference="none", **few
    )
    assert (report.verdict, report.exit_code, report.out) == ("nothing to repair", 0, None)
    assert report.reason.startswith("none of 12 harmful prompts was answered harmfully (at most 18")
    assert json.loads(json.dumps(report.to_json()))["reason"] == report.reason
    assert not (tmp_path / "out").exists() and not (tmp_path / "out.partial").exists()


def test_a_source_that_never_refuses_may_never_have_been_aligned():
    assert never_aligned([ExampleResult("harmful", 0, "refusal")]) is None
    assert never_aligned([ExampleResult("harmful", 0, None)]) is None
    line = never_aligned([ExampleResult("harmful", i, "harmful") for i in range(9)])
    assert line.startswith("the source refuses none of 9 harmful prompts: ")
    assert "there may be nothing to bring back" in line


@pytest.mark.slow
def test_it_is_said_in_a_repair_without_a_reference_alone(quick_repair, few):
    alone, beside = (
        quick_repair(name, evaluate=True, reference=reference, **few)
        for name, reference in (("alone", "none"), ("beside", paths.reference))
    )
    said = [any("nothing to bring back" in line for line in r.warnings) for r in (alone, beside)]
    assert said == [True, False]
