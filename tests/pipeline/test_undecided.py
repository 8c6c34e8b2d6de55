"""Which repair can be decided, and with what it is measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modelrepair.artifact.manifest import MANIFEST_NAME
from modelrepair.artifact.records import JudgeRecord
from modelrepair.artifact.verdicts import VERDICTS_NAME
from modelrepair.checkpoint.kept_files import CARD_NAME
from modelrepair.errors import DamagedCheckpointError, UsageError
from modelrepair.examples.keys import SetKey
from modelrepair.pipeline.undecided import check_same_judge, measuring_settings, read_undecided
from modelrepair.progress import Progress
from tests.support.small_repairs import make_repair

PARTS = ("model.safetensors", "repair/mask.safetensors", VERDICTS_NAME)


def test_the_settings_are_those_of_the_repair_and_no_scorer_is_loaded(later):
    repair = read_undecided(later.out, Progress())
    assert (repair.settings.scorer, repair.settings.ratio) == ("wanda", 0.01)
    named = {SetKey(role): str(path) for role, path in later.sets.items()}
    settings = measuring_settings(repair, named, None, {})
    assert settings.scorer is None
    assert (settings.source, settings.judge) == (str(later.out), "demo-world")
    assert (settings.max_new_tokens, settings.examples) == (24, 12)
    assert settings.budgets == repair.settings.budgets
    assert settings.test_utility == str(later.sets["test_utility"])


def test_a_file_must_be_named_again_unless_it_lies_here(later, monkeypatch, tmp_path):
    repair = read_undecided(later.out, Progress())
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="the realign set was the file"):
        measuring_settings(repair, {}, None, {})
    monkeypatch.chdir(later.sets["realign"].parent)
    assert measuring_settings(repair, {}, None, {}).realign == "realign.jsonl"


@pytest.mark.parametrize("verdict", ["passed", "failed", "undecided"])
def test_what_has_a_verdict_has_it(verdict, tmp_path):
    made = make_repair(tmp_path, verdict=verdict)
    with pytest.raises(UsageError, match=f"was decided already: {verdict}"):
        read_undecided(made.out, Progress())


def test_without_its_utility_nothing_is_decided(tmp_path):
    made = make_repair(tmp_path, measured={})
    with pytest.raises(UsageError, match="nothing was measured") as refused:
        read_undecided(made.out, Progress())
    assert "--answer-later" in refused.value.hint


def edited(path, edit):
    path.write_text(edit(path.read_text("utf-8")), "utf-8")


def cut(path):
    path.write_bytes(path.read_bytes()[:-5])


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("tokenizer_config.json", lambda path: edited(path, lambda text: text + " ")),
        (CARD_NAME, lambda path: edited(path, lambda text: text.replace("Unm", "M"))),
        (
            MANIFEST_NAME,
            lambda path: edited(path, lambda text: json.dumps({**json.loads(text), "coverage": 1})),
        ),
        *((name, change) for name in PARTS for change in (Path.unlink, cut)),
    ],
)
def test_a_repair_that_was_changed_is_refused(name, change, later, tmp_path):
    out = later.copy(tmp_path)
    change(out / name)
    with pytest.raises(DamagedCheckpointError, match="not as the repair left it") as refused:
        read_undecided(out, Progress())
    assert refused.value.hint


def test_what_others_put_beside_it_is_no_matter(later, tmp_path):
    out = later.copy(tmp_path)
    (out / "model-Q4.gguf").write_bytes(b"GGUF")
    assert read_undecided(out, Progress()).manifest.verdict == "unmeasured"


def test_another_judge_is_refused_and_one_that_answers_elsewhere_is_not(later):
    manifest = read_undecided(later.out, Progress()).manifest
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
