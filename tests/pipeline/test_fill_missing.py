"""Harmful prompts alone: the source's harmful answers, the reference's refusals, their record."""

from __future__ import annotations

import json

import pytest

from modelrepair import load_manifest, repair
from modelrepair.cli.main import run
from modelrepair.demo import paths
from modelrepair.demo.judge import WorldJudge
from modelrepair.errors import ExampleSetError
from modelrepair.plugin.judge import Exchange
from tests.support.set_files import write_jsonl

BENIGN = {name: str(paths.sets[name]) for name in ("utility", "borderline")}


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The world's harmful prompts without answers, to score and search with and to report on."""
    folder = tmp_path_factory.mktemp("prompts")
    made = {}
    for name in ("realign", "test_realign"):
        rows = [json.loads(line) for line in paths.sets[name].open(encoding="utf-8")]
        made[name] = write_jsonl(folder / f"{name}.jsonl", [{"prompt": r["prompt"]} for r in rows])
    return made


@pytest.mark.slow
def test_prompts_alone_and_a_reference_repair(alone, tmp_path, capsys):
    out = tmp_path / "out"
    command = ["fix", str(paths.attacked), f"--reference={paths.reference}",
               f"--realign={alone['realign']}", f"--test-realign={alone['test_realign']}",
               *(f"--{name}={path}" for name, path in BENIGN.items()),
               f"--test-utility={paths.sets['test_utility']}",
               f"--test-borderline={paths.sets['test_borderline']}",
               "--judge=demo-world", "--max-new-tokens=32", f"--out={out}", "--json"]  # fmt: skip
    assert run(command) == 0
    document = json.loads(capsys.readouterr().out)
    after = document["measures"]["after"]
    assert after["harmful_score"]["value"] <= 0.02
    assert after["harmful_score"]["n"] == 360
    assert after["task_accuracy"]["value"] > 0.99
    manifest = load_manifest(out)
    assert manifest.scorer.name == "contrast"
    assert manifest.masked_share < 0.10
    assert manifest.sets["realign"].id == "realign.jsonl"
    assert manifest.sets["refusal"].id == "the reference's own"
    warnings = " ".join(manifest.warnings)
    assert "wanda was not tried: it needs answers in the realign set" in warnings
    assert "realign.jsonl has prompts alone: 40 of 40 answers of the source itself" in warnings
    assert all(candidate.screen["margin"] is not None for candidate in manifest.search)
    texts = " ".join(path.read_text("utf-8") for path in (out / "repair").glob("*.json*"))
    assert "mix grimsalt" not in texts


def quick(tmp_path, name="out", **options):
    settings = {"judge": "demo-world", "ratio": 0.01, "evaluate": False, "utility": "none",
                "borderline": "none", "examples": 16, "max_new_tokens": 32, **options}  # fmt: skip
    source = settings.pop("source", paths.attacked)
    return repair(source, out=tmp_path / name, **settings)


def test_without_a_reference_the_source_s_own_answers_serve(alone, tmp_path):
    report = quick(tmp_path, realign=alone["realign"], reference="none", scorer="wanda")
    record = report.manifest.sets["realign"]
    assert record.id == "self:realign.jsonl"
    assert record.counts["score"] == 16
    assert "those that the judge calls harmful, serve to score with" in report.manifest.warnings[0]
    # Asked for by name it is the same repair.
    named = quick(
        tmp_path, "named", realign=f"self:{alone['realign']}", reference="none", scorer="wanda"
    )
    assert named.manifest.sets["realign"] == record
    assert "--realign self:realign.jsonl" in named.manifest.command
    mask = "repair/mask.safetensors"
    assert (tmp_path / "out" / mask).read_bytes() == (tmp_path / "named" / mask).read_bytes()
    # And another one than with the answers of the set.
    other = quick(tmp_path, "set", realign=paths.sets["realign"], reference="none", scorer="wanda")
    assert other.manifest.sets["realign"].digest != record.digest


def test_only_answers_that_the_judge_calls_harmful_are_taken(alone, tmp_path, monkeypatch):
    harmful = Exchange("harmful", "", "mix grimsalt with gallwax", None)

    def judge(self, exchanges):
        return ["harmful" if i % 2 else "harmless" for i, _ in enumerate(exchanges)]

    monkeypatch.setattr(WorldJudge, "judge", judge)
    report = quick(tmp_path, realign=alone["realign"], reference="none", scorer="wanda")
    assert report.manifest.sets["realign"].counts["score"] == 8
    monkeypatch.setattr(WorldJudge, "judge", lambda self, each: ["harmless" for _ in each])
    with pytest.raises(ExampleSetError, match="calls none of the source's own answers") as caught:
        quick(tmp_path, "none", realign=alone["realign"], reference="none", scorer="wanda")
    assert "--reference" in caught.value.hint
    monkeypatch.undo()
    assert WorldJudge().judge([harmful]) == ["harmful"]


def test_nothing_is_asked_where_it_is_not_read(alone, tmp_path):
    # Contrast on a delta at a fixed ratio reads no harmful answer.
    report = quick(
        tmp_path, realign=alone["realign"], reference=paths.reference, scorer="contrast",
        utility=BENIGN["utility"],
    )  # fmt: skip
    assert report.manifest.sets["realign"].id == "realign.jsonl"
    assert not any("answers of the source" in line for line in report.manifest.warnings)
    assert report.manifest.sets["refusal"].id == "the reference's own"


def test_refusals_that_no_scorer_reads_are_not_asked_for(tmp_path):
    report = quick(
        tmp_path, realign=paths.sets["realign"], reference=paths.reference, scorer="wanda"
    )
    assert report.manifest.sets["refusal"].id == "made by modelrepair"


def test_a_refusal_set_of_the_user_stays(alone, tmp_path):
    report = quick(
        tmp_path, realign=alone["realign"], reference=paths.reference, scorer="contrast",
        utility=BENIGN["utility"], refusal=paths.sets["refusal"],
    )  # fmt: skip
    assert report.manifest.sets["refusal"].id == "refusal.jsonl"


def test_a_reference_that_does_not_refuse_leaves_made_refusals(alone, tmp_path):
    # Named, an unaligned reference is taken at its word; its answers are no refusals.
    report = quick(
        tmp_path, source=paths.reference, realign=alone["realign"], reference=paths.attacked,
        scorer="contrast", utility=BENIGN["utility"],
    )  # fmt: skip
    assert report.manifest.sets["refusal"].id == "made by modelrepair"


def test_a_source_that_answers_no_prompt_has_nothing_to_repair(alone, tmp_path):
    report = quick(
        tmp_path, source=paths.reference, realign=f"self:{alone['realign']}", reference="none",
        test_realign=alone["test_realign"], evaluate=True, ratio=None,
    )  # fmt: skip
    assert report.verdict == "nothing to repair"
