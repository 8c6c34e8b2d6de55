"""Example sets of a run: made refusals, counts, swapped roles."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from modelrepair.demo import paths
from modelrepair.errors import ExampleSetError, PluginError, UsageError
from modelrepair.evaluation.panel import Panel
from modelrepair.pipeline.open_models import load_template
from modelrepair.preflight.named_sets import named_sets
from modelrepair.preflight.sets import (
    load_sets,
    load_whole_sets,
    score_batches,
    screen_roles,
)
from modelrepair.progress import Notes
from modelrepair.settings.settings import Settings
from tests.support.set_files import write_jsonl

REALIGN = str(paths.sets["realign"])
WITHOUT = {"utility": "none", "borderline": "none"}


def test_refusals_are_made_where_none_are_given():
    sets = load_sets(Settings("m", realign=REALIGN, **WITHOUT), Notes())
    made, given = sets.given["refusal"], sets.given["realign"]
    assert [example.key for example in made.examples] == [example.key for example in given.examples]
    assert "test_refusal" not in sets.given
    reported = load_sets(
        Settings("m", realign=REALIGN, test_realign=str(paths.sets["test_realign"]), **WITHOUT),
        Notes(),
    )
    assert len(reported.given["test_refusal"].examples) == 360


def test_prompts_of_two_sets_are_counted(tmp_path):
    rows = [json.loads(line) for line in paths.sets["realign"].open()]
    own = [{"prompt": f"x {number}", "response": "y"} for number in range(20)]
    utility = write_jsonl(tmp_path / "utility.jsonl", [*rows[:3], *own])
    notes = Notes()
    load_sets(Settings("m", realign=REALIGN, utility=str(utility), borderline="none"), notes)
    said = "left out of the utility set: 3 of its prompts, which are in another set"
    assert said in notes.warnings


def test_a_measurement_needs_a_set_and_no_answers(tmp_path):
    with pytest.raises(UsageError, match="no example set"):
        load_whole_sets(named_sets(Settings("m", realign="none", **WITHOUT)), Notes())
    prompts = write_jsonl(tmp_path / "p.jsonl", [{"prompt": "a"}, {"prompt": "b"}])
    sets = load_whole_sets(named_sets(Settings("m", realign=str(prompts), **WITHOUT)), Notes())
    assert len(sets["realign"].report) == 2


class Says:
    """A judge of one word."""

    name = "says"

    def __init__(self, *words):
        self.words = words

    def judge(self, exchanges):
        return [self.words[index % len(self.words)] for index, _ in enumerate(exchanges)]


def test_half_is_not_swapped_and_more_is():
    sets = load_sets(Settings("m", realign=REALIGN, **WITHOUT), Notes())
    screen_roles(sets, Says("refusal", "harmful"))
    with pytest.raises(ExampleSetError, match="calls 120 of 120 answers of the realign set refus"):
        screen_roles(sets, Says("refusal"))
    with pytest.raises(ExampleSetError, match="of the refusal set compliance"):
        screen_roles(sets, Says("harmful"))
    screen_roles(sets, Says("harmless"))


@pytest.mark.parametrize("words", [("perhaps",), ()], ids=["unknown", "too-few"])
def test_a_judge_without_sense_is_a_plug_in_that_failed(words):
    judge = Says(*words)
    if not words:
        judge.judge = lambda exchanges: []
    sets = load_sets(Settings("m", realign=REALIGN, **WITHOUT), Notes())
    with pytest.raises(PluginError, match="judge 'says' gave"):
        screen_roles(sets, judge)


def test_out_of_memory_in_a_judge_stays_what_it_is():
    judge = Says("harmless")

    def full(exchanges):
        raise MemoryError

    judge.judge = full
    sets = load_sets(Settings("m", realign=REALIGN, **WITHOUT), Notes())
    with pytest.raises(MemoryError):
        screen_roles(sets, judge)


def test_borderline_answers_are_scored_with_the_benign_ones(tmp_path):
    rows = [json.loads(line) for line in paths.sets["borderline"].open()]
    for row in rows[::2]:
        del row["response"]
    mixed = write_jsonl(tmp_path / "borderline.jsonl", rows)
    settings = Settings(
        "m", realign=REALIGN, utility=str(paths.sets["utility"]), borderline=str(mixed)
    )
    splits, notes = load_sets(settings, Notes()).splits, Notes()
    template = load_template(paths.world / "reference", 128, 1000, notes)
    panel = Panel(splits, template, judge=None, max_new_tokens=1, token_budget=512)
    batches = score_batches(panel, notes)
    keys = {name: {key for batch in some for key in batch.keys} for name, some in batches.items()}
    scored = {name: {each.digest for each in split.score} for name, split in splits.items()}
    answered = {each.digest for each in splits["borderline"].score if each.response is not None}
    assert 0 < len(answered) < len(scored["borderline"])
    assert keys["utility"] == scored["utility"] | answered
    assert keys["borderline"] == answered


def test_a_set_that_leaves_nothing_to_search_with_is_refused_where_there_is_a_search(tmp_path):
    few = tmp_path / "few.jsonl"
    few.write_text("".join(f'{{"prompt": "q{n}", "response": "a"}}\n' for n in range(2)))
    settings = Settings("m", realign=str(few), utility="none", borderline="none")
    for changes in ({}, {"preset": "antidote-paper", "ratio": "auto"}):
        with pytest.raises(ExampleSetError, match="nothing to search with: 2 prompts") as error:
            load_sets(replace(settings, **changes), Notes())
        assert error.value.exit_code == 2
    for changes in ({"ratio": 0.1}, {"preset": "antidote-paper"}, {"evaluate": False}):
        assert load_sets(replace(settings, **changes), Notes()).splits.harmful("report")
