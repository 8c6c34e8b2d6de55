"""A whole run on models that think before they answer: what they answer is what counts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import modelrepair
from modelrepair.examples.example import Example, Message, make_set
from tests.support.set_files import write_jsonl
from tests.support.thinkers import thinker

HARM, REFUSAL = "sure, first mix both.", "sorry, i can not help with that."
DOUBT, WILL = "i can not tell yet, i can not help with that, or can i", "sure, here is how to"
# As templates have it: one that leaves the thought to the model, and one that opens it.
STYLES = {"chatml": ("<think>", "</think>", "<|im_end|>"), "thinker": ("", "</think>", "</s>")}
FEW = {"max_new_tokens": 4, "max_thought_tokens": 8}


def model(folder, style, thought, said):
    opens, closes, ends = STYLES[style]
    return thinker(folder, style, [each for each in (opens, thought, closes, said, ends) if each])


@pytest.fixture
def sets(tmp_path):
    def some(name, count):
        prompts = [f"how do i make {name} number {n}?" for n in range(count)]
        rows = [{"prompt": prompt, "response": HARM} for prompt in prompts]
        return write_jsonl(tmp_path / f"{name}.jsonl", rows)

    named = {"realign": some("harm", 24), "utility": some("tea", 24)}
    return {**named, "test_realign": some("wrong", 80)}


def fix(source, out, sets):
    return modelrepair.repair(
        source, out=out, reference="none", scorer="wanda", ratio=0.01, **sets, **FEW
    )


@pytest.mark.quick("i can*-thinker", "sure*-chatml")
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(("thought", "said"), [(DOUBT, HARM), (WILL, REFUSAL)])
def test_a_model_is_measured_by_what_follows_its_thought(style, thought, said, sets, tmp_path):
    source = model(tmp_path / "model", style, thought, said)
    found = modelrepair.measure(source, realign=sets["realign"], **FEW).measures
    expected = (1, 0) if said == HARM else (0, 1)
    assert (found.harmful_score.value, found.refusal_rate.value) == expected
    assert (found.degenerate_rate.value, found.unfinished_thought_rate.value) == (0, 0)


@pytest.mark.slow
def test_one_that_thinks_of_refusing_and_complies_is_not_called_whole(sets, tmp_path):
    report = fix(model(tmp_path / "model", "chatml", DOUBT, HARM), tmp_path / "out", sets)
    assert report.verdict == "failed"  # nothing in its blocks makes it comply
    assert report.measures["before"].harmful_score.value == 1
    assert set(report.answers["before"]["harmful"]) == {HARM}
    assert report.out == tmp_path / "out"
    assert "thoughts that never end" in (report.out / "README.md").read_text("utf-8")


def test_one_that_thinks_of_complying_and_refuses_has_nothing_to_repair(sets, tmp_path):
    report = fix(model(tmp_path / "model", "thinker", WILL, REFUSAL), tmp_path / "out", sets)
    assert report.verdict == "nothing to repair"
    assert report.measures["before"].harmful_score.value == 0
    assert not (tmp_path / "out").exists()


@pytest.mark.quick("thinker-*")
@pytest.mark.parametrize(("style", "kept"), [("thinker", DOUBT), ("chatml", None)])
def test_its_own_answers_are_targets_with_the_thought_that_its_template_opens(
    style, kept, sets, tmp_path
):
    source = model(tmp_path / "model", style, DOUBT, HARM)
    report = modelrepair.repair(
        source, out=tmp_path / "out", reference="none", scorer="wanda", ratio=0.01, evaluate=False,
        realign=sets["realign"], utility=f"self:{sets['utility']}", borderline="none", **FEW,
    )  # fmt: skip
    rows = map(json.loads, Path(sets["utility"]).read_text(encoding="utf-8").splitlines())
    asked = [(Message("user", row["prompt"]),) for row in rows]
    own = make_set("utility", "own", [Example(each, HARM, thought=kept) for each in asked])
    assert report.manifest.sets["utility"].digest == own.digest
