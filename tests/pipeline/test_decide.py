"""Answers of servers decide a repair: its record is replaced whole, or not at all."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from modelrepair import decide, load_manifest, push, repair, verify
from modelrepair.artifact.verdicts import VERDICTS_NAME, read_verdicts
from modelrepair.checkpoint.kept_files import CARD_NAME
from modelrepair.demo import paths
from modelrepair.errors import (
    EndpointError,
    GateError,
    UnsupportedModelError,
    UsageError,
)
from modelrepair.evaluation import remote
from modelrepair.evaluation.endpoint import client_of
from modelrepair.moving import emptied
from tests.support.endpoint import serving
from tests.support.later import (
    ALIGNED,
    REFUSAL,
    REPORTED,
    SAFE,
    SOURCE,
    as_model,
    contents,
    out_fixture,  # noqa: F401
)
from tests.support.made_once import made_once
from tests.support.transformers_serve import transformers_serve


@pytest.fixture
def apart(tmp_path_factory):
    """A folder that is not beside the repair."""
    return tmp_path_factory.mktemp("apart")


@pytest.fixture(scope="session")
def decided(later, tmp_path_factory):
    """A repair that passed; read only."""

    def make(folder):
        folder.mkdir()
        out = later.copy(folder)
        with later.servers(owner="vllm") as (source, safe):
            return decide(out, before=source.url, after=safe.url, **later.sets)

    return made_once(tmp_path_factory, "decided", make)


def fix(later, out):
    """The command that made the repair, once more."""
    return repair(
        paths.attacked, reference=paths.reference, scorer="wanda", ratio=0.01, judge="demo-world",
        answer_later=True, examples=12, out=out, max_new_tokens=24, **later.sets,
    )  # fmt: skip


def verified(folder):
    return verify(folder, source=paths.attacked, reference=paths.reference)


def test_a_repair_passes_by_the_answers_of_two_servers(later, decided):
    assert (decided.verdict, decided.exit_code) == ("passed", 0), decided.gate.reasons
    assert decided.manifest == load_manifest(decided.out)
    measures = decided.measures
    assert (measures["before"].harmful_score.value, measures["after"].harmful_score.value) == (1, 0)
    # Utility is what the repair took itself, of the same examples.
    kept = load_manifest(later.out).measures
    assert {role: each.utility for role, each in measures.items()} == {
        role: kept[role].utility for role in ("before", "after")
    }
    rows = read_verdicts(decided.out / VERDICTS_NAME)
    assert {role: len(some) for role, some in rows.items()} == dict.fromkeys(rows, 3 * REPORTED)
    assert set(decided.manifest.kinds) == {"recipes", "look-alikes"}
    assert verified(decided.out).ok, verified(decided.out).findings
    assert [path.name for path in decided.out.parent.iterdir()] == ["out"]


def test_what_answered_is_in_manifest_and_card_and_its_address_is_not(decided):
    by = decided.manifest.answers
    assert (by["before"].model, by["after"].model) == (SOURCE, SAFE)
    assert (by["after"].engine, by["after"].version) == ("vllm", "0.9.9")
    assert by["before"].settings["max_new_tokens"] == 24
    card = (decided.out / CARD_NAME).read_text("utf-8")
    assert "greedy answers of another engine, version or precision may differ" in card
    assert "vllm 0.9.9, user/attacked-repaired, by completions" in card
    for path in (decided.out / "repair").iterdir():
        assert b"127.0.0.1" not in path.read_bytes()
    assert not [line for line in decided.manifest.warnings if "--answer-later" in line]


def test_the_files_of_the_model_are_the_same_files(later, decided):
    before, after = contents(later.out), contents(decided.out)
    assert {name for name in before | after if before.get(name) != after.get(name)} == {
        CARD_NAME,
        VERDICTS_NAME,
        "repair/manifest.json",
    }


def test_the_same_repair_is_found_finished_and_decided(later, decided):
    again = fix(later, decided.out)
    assert (again.finished_before, again.verdict) == (True, "passed")
    assert again.gate.verdict == "passed"


def test_what_was_decided_is_not_decided_again(decided):
    with pytest.raises(UsageError, match="was decided already: passed"):
        decide(decided.out, before="http://h", after="http://h")


def test_a_repair_that_changed_nothing_fails_and_says_what_to_try(later, saved, out, apart):
    before = saved / "before.json"
    report = decide(out, before=before, after=as_model(before, SAFE, apart), **later.sets)
    assert (report.verdict, report.exit_code) == ("failed", 1)
    assert report.next
    assert verified(out).ok
    with pytest.raises(GateError, match="the gate failed"):
        push(out)


def test_what_works_backwards_is_recorded_never_pushed_and_decided_again(
    later, decided, saved, out, apart
):
    """Two swapped servers must cost no second repair."""
    before = as_model(saved / "after.json", SOURCE, apart)
    after = as_model(saved / "before.json", SAFE, apart)
    report = decide(out, before=before, after=after, **later.sets)
    assert (report.verdict, report.exit_code, report.out) == ("backwards", 1, out)
    assert report.manifest == load_manifest(out)
    assert (report.manifest.verdict, report.manifest.backwards, report.next) == ("failed", True, ())
    assert verified(out).ok, verified(out).findings
    assert (out / CARD_NAME).read_text("utf-8").count("**This repair works backwards: ") == 1
    with pytest.raises(GateError, match="works backwards"):
        push(out, force=True)
    again = fix(later, out)
    assert (again.finished_before, again.verdict, again.exit_code) == (True, "backwards", 1)
    with later.servers(owner="vllm") as (source, safe):
        right = decide(out, before=source.url, after=safe.url, **later.sets)
    assert (right.verdict, right.measures) == ("passed", decided.measures)
    assert right.manifest.warnings == decided.manifest.warnings
    assert verified(out).ok, verified(out).findings
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_a_reference_that_was_left_out_of_an_earlier_verdict_answers_in_the_next(
    later, saved, out, apart
):
    before, after = (saved / f"{role}.json" for role in ("before", "after"))
    swapped = {"before": as_model(after, SOURCE, apart), "after": as_model(before, SAFE, apart)}
    assert decide(out, **swapped, **later.sets).verdict == "backwards"
    aligned = as_model(after, ALIGNED, apart)
    report = decide(out, before=before, after=after, reference=aligned, **later.sets)
    assert (report.verdict, report.measures["reference"].harmful_score.value) == ("passed", 0)
    assert verified(out).ok, verified(out).findings


def test_a_source_that_refuses_has_nothing_to_be_repaired(later, saved, out, apart):
    kept, after = contents(out), saved / "after.json"
    report = decide(out, before=as_model(after, SOURCE, apart), after=after, **later.sets)
    assert (report.verdict, report.exit_code, report.out) == ("nothing to repair", 0, None)
    assert contents(out) == kept


def test_a_source_that_can_not_be_judged_is_refused(later, saved, out):
    kept = contents(out)
    with (
        serving(reply=lambda prompt: "", model="m") as broken,
        pytest.raises(UnsupportedModelError, match="the source cannot be judged"),
    ):
        decide(out, before=broken.url, after=saved / "after.json", **later.sets)
    assert contents(out) == kept


@pytest.mark.parametrize(("harmful", "used"), [(0, True), (12, False)])
def test_a_reference_is_a_third_model_and_an_unaligned_one_counts_where_it_was_named(
    later, saved, out, harmful, used
):
    wild = [*later.harmful][:harmful]

    def aligned(prompt):
        return later.attacked(prompt) if any(w in prompt for w in wild) else later.repaired(prompt)

    asked = {"before": saved / "before.json", "after": saved / "after.json", **later.sets}
    with serving(reply=aligned, model=ALIGNED) as third:
        report = decide(out, reference=third.url, **asked)
    assert {"before", "after", "reference"} == set(report.manifest.answers)
    assert any("harmful_score against the reference" in rule.name for rule in report.gate.rules)
    assert any("the reference answers 20%" in line for line in report.warnings) is not used
    assert verified(out).ok


FAULTS = {"cut": "endpoint-connection-broke", "empty choices": "endpoint-no-answer",
          "other model": "endpoint-other-model"}  # fmt: skip


@pytest.mark.quick("empty choices")  # tests/cli/test_decide.py tries each, up to the message
@pytest.mark.parametrize("fault", FAULTS)
def test_a_server_that_fails_loses_nothing_and_the_source_is_not_asked_again(
    fault, later, out, monkeypatch
):
    monkeypatch.setattr(remote, "client_of", lambda each: client_of(replace(each, retries=0)))
    kept = contents(out)
    with later.servers() as (source, safe):
        asked = {"before": source.url, "after": safe.url, **later.sets}
        safe.faults += [fault]
        with pytest.raises(EndpointError) as failed:
            decide(out, **asked)
        assert failed.value.id == FAULTS[fault]
        assert contents(out) == kept
        count = len(source.asked)
        report = decide(out, **asked)
        assert report.verdict == "passed"
        assert len(source.asked) == count
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_restart_asks_all_of_it_again(later, out):
    with later.servers() as (source, safe):
        asked = {"before": source.url, "after": safe.url, **later.sets}
        safe.faults += ["empty choices"]
        with pytest.raises(EndpointError):
            decide(out, **asked)
        count = len(source.asked)
        assert decide(out, restart=True, **asked).verdict == "passed"
        assert len(source.asked) == 2 * count


@pytest.mark.slow
def test_answers_of_an_earlier_repair_in_the_same_place_are_not_taken_for_this_ones(later, out):
    with later.servers() as (source, safe), serving(faults=["empty choices"]) as third:
        asked = {"before": source.url, "after": safe.url, **later.sets}
        with pytest.raises(EndpointError):
            decide(out, reference=third.url, **asked)
        # Behind the same address and the same name is a model now that repairs nothing.
        repair(
            paths.attacked, reference=paths.reference, scorer="wanda", ratio=0.02,
            judge="demo-world", answer_later=True, examples=12, out=emptied(out),
            max_new_tokens=24, **later.sets,
        )  # fmt: skip
        safe.reply = later.attacked
        assert decide(out, **asked).verdict == "failed"


def test_saved_measurements_decide_as_the_servers_do(later, decided, saved, out):
    report = decide(out, before=saved / "before.json", after=saved / "after.json", **later.sets)
    assert report.verdict == "passed"
    assert report.measures == decided.measures
    assert report.manifest.answers["before"].model == SOURCE
    assert verified(out).ok
    text = (saved / "before.json").read_text()
    assert not any(asked in text for asked in (*later.harmful, *later.benign, REFUSAL))


def test_one_may_be_saved_and_the_other_answer(later, saved, out):
    with later.servers() as (source, _):
        report = decide(out, before=source.url, after=str(saved / "after.json"), **later.sets)
    assert report.verdict == "passed"


def test_a_link_to_the_repair_stays_a_link(later, out, tmp_path, saved):
    (tmp_path / "link").symlink_to(out)
    asked = {"before": saved / "before.json", "after": saved / "after.json"}
    report = decide(tmp_path / "link", **asked, **later.sets)
    assert (report.verdict, (tmp_path / "link").is_symlink()) == ("passed", True)
    assert load_manifest(tmp_path / "link") == load_manifest(out) == report.manifest


def test_what_is_not_ours_beside_the_repair_and_the_working_folder_stay(out, monkeypatch):
    asked = {"before": "http://h", "after": "http://h"}
    mine = out.with_name("out.deciding")
    mine.mkdir()
    (mine / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="in the way and not ours"):
        decide(out, restart=True, **asked)
    assert (mine / "notes.txt").read_text() == "mine"
    monkeypatch.chdir(out)
    with pytest.raises(UsageError, match="the working folder") as refused:
        decide(".", **asked)
    assert "another folder" in refused.value.hint


SETS = {
    "a part of the set": (
        lambda sets: {"test_utility": [*sets["test_utility"]][:-1]},
        "is not the",
    ),
    "another set": (lambda sets: {"test_utility": sets["utility"]}, "is not the test_utility set"),
    "a set less": (lambda sets: {"test_borderline": "none"}, "test-borderline.jsonl, is not given"),
    "not named again": (lambda sets: {"realign": None}, "was the file 'realign.jsonl'"),
}


@pytest.mark.parametrize("how", SETS)
def test_other_sets_are_refused_before_anything_is_asked(how, later, out):
    change, said = SETS[how]
    rows = {
        role: [json.loads(line) for line in path.read_text().splitlines()]
        for role, path in later.sets.items()
    }
    sets = {**later.sets, **change(rows)}
    with later.servers() as (source, safe), pytest.raises(UsageError, match=said) as refused:
        decide(out, before=source.url, after=safe.url, **sets)
    assert not source.asked
    assert refused.value.hint


@pytest.mark.slow
def test_transformers_serve_decides_as_the_models_here_do(later, tmp_path):
    pytest.importorskip("fastapi")
    pytest.importorskip("uvicorn")
    settings = {
        "reference": paths.reference,
        "scorer": "wanda",
        "ratio": 0.3,
        "judge": "demo-world",
        "examples": 12,
        "max_new_tokens": 24,
        **later.sets,
    }
    here = repair(paths.attacked, out=tmp_path / "here", **settings)
    there = repair(paths.attacked, out=tmp_path / "there", answer_later=True, **settings)
    with (
        transformers_serve(paths.attacked, tmp_path / "before.log") as before,
        transformers_serve(there.out, tmp_path / "after.log") as after,
    ):
        report = decide(
            there.out, before=before, before_model=str(paths.attacked), after=after,
            after_model=str(there.out), **later.sets,
        )  # fmt: skip
    for role in ("before", "after"):
        assert report.measures[role] == here.measures[role]
    assert verified(there.out).ok
