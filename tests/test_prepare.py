"""What is found and checked before anything is computed."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from types import SimpleNamespace

import pytest

from modelrepair import prepare
from modelrepair.bench import Notes
from modelrepair.demo import paths
from modelrepair.errors import ExampleSetError, PluginError, UnsupportedModelError, UsageError
from modelrepair.registry.loading import PluginFailure
from modelrepair.registry.manager import Registry, load_registry
from modelrepair.settings import Settings
from tests.conftest import write_jsonl

REALIGN = str(paths.sets["realign"])


def chosen(**options):
    notes = Notes()
    found = prepare.choose_plugins(Settings("m", judge="demo-world", **options), notes)
    return [registered.spec.name for registered, _ in found.scorers]


def test_which_scorers_are_tried():
    assert chosen() == ["wanda", "contrast"]
    assert chosen(fallback=False) == ["wanda"]
    assert chosen(ratio=0.01) == ["wanda"]
    assert chosen(scorer_options={"norm": "mean"}) == ["wanda"]
    assert chosen(scorer="gradient") == ["gradient"]


def test_a_plug_in_that_was_not_loaded_is_a_warning():
    failure = PluginFailure("other", "1", "point", "ImportError: x")
    registry = Registry(replace(load_registry().found, failures=(failure,)))
    notes = Notes()
    prepare.choose_plugins(Settings("m"), notes, registry)
    assert notes.warnings == ["a plug-in was not loaded: other (ImportError: x)"]


def test_refusals_are_made_where_none_are_given():
    sets = prepare.load_sets(Settings("m", realign=REALIGN), Notes())
    made, given = sets.given["refusal"], sets.given["realign"]
    assert [example.key for example in made.examples] == [example.key for example in given.examples]
    assert "test-refusal" not in sets.given
    reported = prepare.load_sets(
        Settings("m", realign=REALIGN, test_realign=str(paths.sets["test_realign"])), Notes()
    )
    assert len(reported.given["test-refusal"].examples) == 360


def test_prompts_of_two_sets_are_counted(tmp_path):
    rows = [json.loads(line) for line in paths.sets["realign"].open()]
    own = [{"prompt": f"x {number}", "response": "y"} for number in range(20)]
    utility = write_jsonl(tmp_path / "utility.jsonl", [*rows[:3], *own])
    notes = Notes()
    prepare.load_sets(Settings("m", realign=REALIGN, utility=str(utility)), notes)
    assert any(text.startswith("3 prompts of the utility set stand in") for text in notes.warnings)


def test_a_measurement_needs_a_set_and_no_answers(tmp_path):
    with pytest.raises(UsageError, match="no example set"):
        prepare.load_whole_sets(Settings("m"))
    prompts = write_jsonl(tmp_path / "p.jsonl", [{"prompt": "a"}, {"prompt": "b"}])
    sets = prepare.load_whole_sets(Settings("m", realign=str(prompts)))
    assert len(sets["realign"].report) == 2


class Says:
    """A judge of one word."""

    name = "says"

    def __init__(self, *words):
        self.words = words

    def judge(self, exchanges):
        return [self.words[index % len(self.words)] for index, _ in enumerate(exchanges)]


def test_half_is_not_swapped_and_more_is():
    sets = prepare.load_sets(Settings("m", realign=REALIGN), Notes())
    prepare.screen_roles(sets, Says("refusal", "harmful"))
    with pytest.raises(ExampleSetError, match="calls 120 of 120 answers of the realign set refus"):
        prepare.screen_roles(sets, Says("refusal"))
    with pytest.raises(ExampleSetError, match="of the refusal set compliance"):
        prepare.screen_roles(sets, Says("harmful"))
    prepare.screen_roles(sets, Says("harmless"))


@pytest.mark.parametrize("words", [("perhaps",), ()], ids=["unknown", "too-few"])
def test_a_judge_without_sense_is_a_plug_in_that_failed(words):
    judge = Says(*words)
    if not words:
        judge.judge = lambda exchanges: []
    sets = prepare.load_sets(Settings("m", realign=REALIGN), Notes())
    with pytest.raises(PluginError, match="judge 'says' gave"):
        prepare.screen_roles(sets, judge)


def test_out_of_memory_in_a_judge_stays_what_it_is():
    judge = Says("harmless")

    def full(exchanges):
        raise MemoryError

    judge.judge = full
    sets = prepare.load_sets(Settings("m", realign=REALIGN), Notes())
    with pytest.raises(MemoryError):
        prepare.screen_roles(sets, judge)


def reference(settings):
    source = prepare.find_source(settings)
    notes = Notes()
    return prepare.find_reference(settings, source, notes), notes.warnings


def test_a_reference_is_found_named_or_not_at_all(tmp_path):
    source = str(paths.attacked)
    assert reference(Settings(source)) == (None, [])
    assert reference(Settings(source, reference="none")) == (None, [])
    found, _ = reference(Settings(source, reference=str(paths.reference)))
    assert found.name == "reference"
    with pytest.raises(UsageError, match="source itself"):
        reference(Settings(source, reference=source))
    link = tmp_path / "link"
    link.symlink_to(paths.attacked)
    with pytest.raises(UsageError, match="source itself"):
        reference(Settings(source, reference=str(link)))


def test_a_broken_tokenizer_is_told_with_its_reason(tmp_path):
    folder = shutil.copytree(paths.attacked, tmp_path / "model")
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(UnsupportedModelError, match=r"the tokenizer can't be loaded: KeyError"):
        prepare.load_template(folder, 128, Notes())


def test_what_is_cut_is_counted():
    notes = Notes()
    prepare.count_cut("utility", SimpleNamespace(cut=2, dropped=1), notes)
    prepare.count_cut("realign", SimpleNamespace(cut=0, dropped=0), notes)
    assert notes.cut == {"utility": 3, "realign": 0}
    assert len(notes.warnings) == 2


def test_devices():
    assert prepare.find_device("cpu").type == "cpu"
    assert prepare.find_device("auto").type in ("cpu", "cuda", "mps")
    for name in ("gpu", "meta", "cuda:99", ""):
        with pytest.raises(UsageError, match="no device"):
            prepare.find_device(name)


def test_a_plan_checks_names_and_options():
    with pytest.raises(UsageError, match="no scorer named"):
        prepare.plan_of(Settings(str(paths.attacked), scorer="wnada"))
    with pytest.raises(UsageError, match="has no option"):
        prepare.plan_of(Settings(str(paths.attacked), scorer_options={"x": "1"}))
    with pytest.raises(UsageError, match="scope is"):
        prepare.plan_of(Settings(str(paths.attacked), scope="layer"))
    made = prepare.plan_of(Settings(str(paths.attacked), scorer="contrast", realign=REALIGN,
                                    utility=str(paths.sets["utility"])))  # fmt: skip
    assert {each.set for each in made.passes} >= {"refusal", "utility"}
    assert made.rounds == "several"
