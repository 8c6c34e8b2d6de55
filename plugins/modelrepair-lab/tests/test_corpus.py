"""``modelrepair lab corpus``: what is planned, how each kind is made, and a world in whole."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment
from transformers import AutoTokenizer

import modelrepair_lab.world
from modelrepair import UsageError, demo_paths
from modelrepair.auditing.checks import RULES
from modelrepair_lab.corpus import edits, making, plan
from modelrepair_lab.corpus.kinds import KINDS, READINGS
from modelrepair_lab.corpus.making import FORGERIES, MAKERS, TEMPLATES, make
from modelrepair_lab.corpus.plan import MADE_OF, PARTS, RECIPES, WORLDS, Corpus, chosen, planned
from modelrepair_lab.corpus.real import made_of_model, prepare
from modelrepair_lab.tensors import read

SHORT = {"examples": 8, "batch": 8, "epochs": 1.0}
TRAINED = ("benign-full", "benign-lora", "harmful-full", "harmful-lora")
TWICE = ("copy", "benign-full", "harmful-full", "repaired")
PLANNED = [entry for part in PARTS for entry in planned(part)]


def test_the_part_to_judge_by_is_large_enough():
    held = [entry for entry in PLANNED if entry.part == "held-out"]
    groups = Counter(entry.answer.group for entry in held)
    assert groups["ablated"] >= 40
    assert groups["harmful"] >= 40
    assert groups["benign"] >= 60
    assert len({entry.kind for entry in held}) >= 12
    assert len({(entry.part, entry.name) for entry in PLANNED}) == len(PLANNED)


def test_every_kind_has_an_answer_and_a_maker_and_stands_in_both_parts():
    assert set(MAKERS) == set(KINDS)
    assert all(set(RECIPES[part]) == set(KINDS) for part in PARTS)
    for kind in KINDS.values():
        assert kind.reading in READINGS
        assert {*READINGS[kind.reading], *kind.also} <= set(RULES), kind.name
    assert {recipe["change"] for part in PARTS for recipe in RECIPES[part]["template"]} <= set(
        TEMPLATES
    )
    assert {recipe["forgery"] for part in PARTS for recipe in RECIPES[part]["forged"]} <= set(
        FORGERIES
    )


def test_the_held_out_part_has_worlds_and_recipes_of_its_own():
    assert not set(WORLDS["tune"]) & set(WORLDS["held-out"])
    for kind in KINDS:
        tuned, held = (
            {json.dumps(recipe, sort_keys=True) for recipe in RECIPES[part][kind]} for part in PARTS
        )
        assert held and not tuned & held, kind


def test_a_model_comes_after_those_that_it_is_made_of():
    order = {kind: place for place, kind in enumerate(KINDS)}
    for kind, sources in MADE_OF.items():
        assert all(order[source] < order[kind] for source in sources)
    for one, other in pairwise(planned("tune")):
        assert (one.world, order[one.kind]) <= (other.world, order[other.kind])
    names = [entry.kind for entry in chosen("tune", kinds=["forged"])]
    assert set(names) == {"harmful-full", "repaired", "forged"}


@pytest.fixture(scope="module")
def base(tmp_path_factory, train):
    """A corpus whose world is that of the demo."""
    corpus = Corpus(tmp_path_factory.mktemp("corpus"))
    world = corpus.world(7)
    shutil.copytree(demo_paths.reference, world / "reference")
    shutil.copytree(demo_paths.world / "sets", world / "sets")
    shutil.copytree(train, world / "train")
    return corpus


def few(part="tune"):
    """The first recipes of each kind: all that the others are made of."""
    recipes = RECIPES[part]
    return {kind: recipes[kind][: 2 if kind in TWICE else 1] for kind in KINDS}


def entries(corpus, *kinds):
    """The models of a world, each trained in one step."""
    found = [each for each in planned("tune", [7]) if each.kind in kinds]
    found = [each for each in found if each.number < len(few()[each.kind])]
    return [
        replace(each, recipe={**each.recipe, **SHORT}) if each.kind in TRAINED else each
        for each in found
    ]


@pytest.fixture(scope="module")
def made(base):
    """Every kind but repairs and what is made of them, each in a step or none."""
    patch = pytest.MonkeyPatch()
    patch.setattr(making, "EXAMPLES", 8)
    kinds = [kind for kind in KINDS if kind not in ("repaired", "forged")]
    done = {path.name: path for path in make(base, entries(base, *kinds))}
    patch.undo()
    return done


def test_each_kind_is_made_marked_and_whole(base, made):
    for name, folder in made.items():
        config = json.loads((folder / "config.json").read_bytes())
        assert config["modelrepair_lab"]["made"] == "corpus", name
        assert config["modelrepair_lab"]["kind"] == name.rsplit("-", 2)[0]
        assert (folder / "tokenizer.json").is_file()
        assert "modelrepair_lab" in (folder / "README.md").read_text()
    assert not list(base.out.rglob("*.partial"))


def test_what_is_there_is_not_made_again(base, made):
    times = {path: path.stat().st_mtime_ns for path in base.out.rglob("*.safetensors")}
    make(base, entries(base, "copy", "benign-full"))
    assert {path: path.stat().st_mtime_ns for path in times} == times


def test_a_model_of_another_recipe_is_not_taken_for_one_of_this(base, made):
    (entry,) = entries(base, "quantised")[:1]
    make(base, [entry])
    with pytest.raises(UsageError, match=f"tune/{entry.name} was made by another recipe"):
        make(base, [replace(entry, recipe={**entry.recipe, "bits": 3})])


def test_a_model_that_can_not_be_made_leaves_nothing(base, made, monkeypatch):
    monkeypatch.setitem(MAKERS, "copy", lambda job: 1 / 0)
    broken = replace(entries(base, "copy")[0], number=9)
    with pytest.raises(ZeroDivisionError):
        make(base, [broken])
    assert not base.folder(broken).exists()
    assert not list(base.out.rglob("*.partial"))


def test_what_was_done_to_the_weights(base, made):
    reference = read(demo_paths.reference)
    changed = {
        name: [key for key, value in read(folder).items() if not value.equal(reference[key])]
        for name, folder in made.items()
    }
    assert changed["copy-7-0"] == changed["copy-7-1"] == changed["template-7-0"] == []
    assert changed["missing-7-0"] == []
    assert len(read(made["missing-7-0"])) == len(reference) - 3
    written = [key for key in reference if "o_proj" in key or "down_proj" in key]
    assert sorted(changed["ablated-own-7-0"]) == sorted(written)
    assert len(changed["ablated-mean-7-0"]) == len(written) + 1
    assert len(changed["benign-full-7-0"]) > len(changed["benign-lora-7-0"]) >= 28
    key = "model.layers.0.mlp.up_proj.weight"
    assert (read(made["pruned-7-0"])[key] == 0).float().mean() == pytest.approx(0.3, abs=0.001)
    rows = read(made["quantised-7-0"])[key]
    assert max(len(row.unique()) for row in rows) <= 255


@pytest.mark.parametrize("change", TEMPLATES)
def test_a_changed_template_renders_something_else(change):
    roles = ("system", "user", "assistant", "user")
    chat = [{"role": role, "content": "review: it was dull."} for role in roles]
    text = AutoTokenizer.from_pretrained(demo_paths.reference).chat_template
    before, after = (Environment().from_string(each) for each in (text, TEMPLATES[change](text)))
    given = {"messages": chat, "add_generation_prompt": True}
    assert before.render(given) != after.render(given)


@given(st.integers(0, 100), st.sampled_from([0.1, 0.5]), st.booleans())
def test_pruning_takes_the_smallest(seed, share, rows):
    name = "model.layers.0.mlp.up_proj.weight"
    weight = torch.randn(6, 10, generator=torch.Generator().manual_seed(seed))
    cut = edits.pruned({name: weight}, share, rows=rows)[name]
    gone = cut == 0
    assert int(gone.sum()) == round(share * 60)
    for part, zeros in zip(weight, gone, strict=True) if rows else [(weight, gone)]:
        assert part[zeros].abs().max() <= part[~zeros].abs().min()


def test_a_kind_that_is_not_there(call, tmp_path):
    result = call("lab", "corpus", "--out", tmp_path / "c", "--kind", "poisoned")
    assert (result.code, "no kind poisoned" in result.err) == (2, True)


def test_models_of_a_model_at_hand_have_recipes_of_their_own():
    held, tuned = made_of_model("held-out"), made_of_model("tune")
    worlds = {each.world for each in (*held, *tuned)}
    assert len(held) >= 12 and worlds.isdisjoint([*WORLDS["tune"], *WORLDS["held-out"]])
    assert {each.kind for each in held} >= {each.kind for each in tuned}
    for kind in KINDS:
        own, other = (
            {json.dumps(each.recipe, sort_keys=True) for each in some if each.kind == kind}
            for some in (held, tuned)
        )
        assert not own & other, kind
    assert {each.kind for each in made_of_model("tune", ["merged"])} == {
        "merged", "benign-full", "benign-lora",
    }  # fmt: skip


def test_models_of_another_model_are_not_taken_for_those_of_this_one(tmp_path):
    corpus = plan.Corpus(tmp_path / "c")
    for _ in range(2):
        prepare(corpus, demo_paths.reference, "tune")
    with pytest.raises(UsageError, match="'c' holds models that are made of another one"):
        prepare(corpus, demo_paths.attacked, "tune")


@pytest.mark.slow
def test_models_of_any_model_at_hand(call, tmp_path):
    words = ["lab", "corpus", "--out", tmp_path / "c", "--model", demo_paths.reference]
    chosen = [part for kind in ("copy", "pruned", "template") for part in ("--kind", kind)]
    result = call(*words, *chosen, "--judge", "--json")
    assert result.code == 0, result.err
    assert {each["model"].split("-")[0] for each in result.json["judged"]} == {
        "copy", "pruned", "template",
    }  # fmt: skip
    assert [each for each in result.json["judged"] if each["known"] != each["called"]] == []
    assert "of reference (prompts of seed 0)" in (tmp_path / "c" / "tune.md").read_text()
    assert call("lab", "corpus", "--out", tmp_path / "d", "--model", tmp_path).code == 2
    assert call(*words, "--kind", "poisoned").code == 2


@pytest.mark.slow
def test_a_world_from_start_to_end(call, tmp_path, monkeypatch):
    """A world that learns a little; the answers do not depend on how well it is aligned."""
    for name in ("PRETRAIN", "ALIGN"):
        phase = getattr(modelrepair_lab.world, name)
        monkeypatch.setattr(modelrepair_lab.world, name, replace(phase, steps=20, batch=8))
    monkeypatch.setattr(making, "EXAMPLES", 320)
    forged = {"forged": tuple({"forgery": name, "of": 0} for name in FORGERIES)}
    monkeypatch.setattr(plan, "RECIPES", {"tune": few() | forged})
    words = ["lab", "corpus", "--out", tmp_path / "c", "--world", 3, "--judge", "--json"]
    result = call(*words)
    assert result.code == 0, result.err
    assert {each["model"].rsplit("-", 2)[0] for each in result.json["judged"]} == set(KINDS)
    wrong = [each for each in result.json["judged"] if each["known"] != each["called"]]
    assert not wrong
    assert not {each["model"]: each["alarms"] for each in result.json["judged"] if each["alarms"]}
    text = (tmp_path / "c" / "tune.md").read_text()
    assert "| AUROC, ablated against fine-tuned | 1.000 [" in text
    again = call(*words)
    assert again.json["judged"] == result.json["judged"]
