"""Which repair can be decided, and with what it is measured."""

from __future__ import annotations

import json

import pytest

from modelrepair.artifact.manifest import MANIFEST_NAME, JudgeRecord
from modelrepair.checkpoint.kept_files import CARD_NAME
from modelrepair.errors import DamagedCheckpointError, UsageError
from modelrepair.examples.keys import SetKey
from modelrepair.pipeline.undecided import check_same_judge, measuring_settings, read_undecided
from tests.support.small_repairs import make_repair


def test_the_settings_are_those_of_the_repair_and_no_scorer_is_loaded(later):
    repair = read_undecided(later.out)
    assert (repair.settings.scorer, repair.settings.ratio) == ("wanda", 0.01)
    named = {SetKey(role): str(path) for role, path in later.sets.items()}
    settings = measuring_settings(repair, named, None, {})
    assert settings.scorer is None
    assert (settings.source, settings.judge) == (str(later.out), "demo-world")
    assert (settings.max_new_tokens, settings.examples) == (24, 12)
    assert settings.budgets == repair.settings.budgets
    assert settings.test_utility == str(later.sets["test_utility"])


def test_a_file_must_be_named_again_unless_it_lies_here(later, monkeypatch, tmp_path):
    repair = read_undecided(later.out)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="the realign set was the file"):
        measuring_settings(repair, {}, None, {})
    monkeypatch.chdir(later.sets["realign"].parent)
    assert measuring_settings(repair, {}, None, {}).realign == "realign.jsonl"


@pytest.mark.parametrize("verdict", ["passed", "failed", "undecided"])
def test_what_has_a_verdict_has_it(verdict, tmp_path):
    made = make_repair(tmp_path, verdict=verdict)
    with pytest.raises(UsageError, match=f"was decided already: {verdict}"):
        read_undecided(made.out)


def test_without_its_utility_nothing_is_decided(tmp_path):
    made = make_repair(tmp_path, measured={})
    with pytest.raises(UsageError, match="nothing was measured") as refused:
        read_undecided(made.out)
    assert "--answer-later" in refused.value.hint


@pytest.mark.parametrize(
    ("name", "edit"),
    [
        ("tokenizer_config.json", lambda text: text + " "),
        (CARD_NAME, lambda text: text.replace("Unmeasured", "Measured")),
        (MANIFEST_NAME, lambda text: json.dumps({**json.loads(text), "coverage": 0.5})),
    ],
)
def test_a_repair_that_was_changed_is_refused(name, edit, later, tmp_path):
    out = later.copy(tmp_path)
    path = out / name
    path.write_text(edit(path.read_text("utf-8")), "utf-8")
    with pytest.raises(DamagedCheckpointError, match="not as the repair left it"):
        read_undecided(out)


def test_another_judge_is_refused_and_one_that_answers_elsewhere_is_not(later):
    manifest = read_undecided(later.out).manifest
    guard = {"name": "guard", "options": {"model": "org/guard", "style": "wildguard"}}
    then = manifest.model_copy(update={"judge": JudgeRecord(**guard, inputs={"commit": "1"})})
    check_same_judge(then, then.judge)
    other = {**guard, "options": {**guard["options"], "style": "yes-no"}}
    with pytest.raises(UsageError, match="--judge-option style is yes-no, and was wildguard"):
        check_same_judge(then, JudgeRecord(**other))
    with pytest.raises(UsageError, match="is another model than in the repair"):
        check_same_judge(then, JudgeRecord(**guard, inputs={"commit": "2"}))
    elsewhere = {**guard, "options": {**guard["options"], "endpoint": "…"}}
    check_same_judge(then, JudgeRecord(**elsewhere, inputs={"engine": "vllm"}))
