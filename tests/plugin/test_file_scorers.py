"""Scorers from a file of the user's own disk."""

from __future__ import annotations

import hashlib

import pytest
from huggingface_hub import ModelCard

from modelrepair.artifact.card import render_card
from modelrepair.artifact.records import ScorerRecord
from modelrepair.errors import PluginError, UsageError
from modelrepair.plugin.registry import load_registry, make_scorer
from tests.support.hub.cards import errors
from tests.support.small_repairs import draft

DESCRIBED = '''
from dataclasses import dataclass

@dataclass(frozen=True)
class Options:
    power: float = 1.0

class Mine:
    """Scores by my rule."""
    sets = {"realign": "pairs"}
    scope = "global"
    options = Options
    needs = {}
    def __init__(self, options, subject_kind):
        self.options, self.subject_kind = options, subject_kind
    def score(self, view, statistics):
        return view.subject.abs() ** self.options.power

class Declared(Mine):
    from modelrepair.plugin.specs import ScorerSpec
    spec = ScorerSpec("declared", "by spec", load="", sets=lambda options, kind: {}, api=1)

class TooNew(Mine):
    api = 9

class Progress:
    pass
'''


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(DESCRIBED)
    return path


def test_a_class_is_described_by_its_attributes(file):
    registered = load_registry().scorer(f"{file}:Mine")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert registered.digest == digest
    assert (registered.distribution, registered.version) == ("mine.py", f"sha256:{digest}")
    spec = registered.spec
    assert (spec.name, spec.summary, spec.scope) == ("Mine", "Scores by my rule.", "global")
    scorer = make_scorer(registered, {"power": "2"}, "delta")
    assert spec.sets(scorer.options, "delta") == {"realign": "pairs"}
    assert (scorer.options.power, scorer.subject_kind) == (2.0, "delta")


def test_a_class_may_carry_a_spec(file):
    registered = load_registry().scorer(f"{file}:Declared")
    assert registered.spec.name == "declared"
    assert make_scorer(registered, {}, "weight").subject_kind == "weight"


@pytest.mark.parametrize("name", ["Größe", "模型", "X", "My_Scorer2"])
def test_any_class_s_name_is_a_tag_that_the_hub_takes(tmp_path, name):
    (tmp_path / "mine.py").write_text(f"class {name}:\n    sets = {{}}\n", encoding="utf-8")
    registered = load_registry().scorer(f"{tmp_path}/mine.py:{name}")
    assert registered.spec.name == name
    scorer = ScorerRecord(name=name, distribution="mine.py", version="1")
    card = render_card(draft(scorer=scorer), None)
    assert ModelCard(card).data.tags == ["modelrepair", f"scorer:{name}"]
    assert errors(card) == []


@pytest.mark.parametrize("spec", ["", 'spec = ScorerSpec(name, "", load="", sets=lambda *a: {})'])
@pytest.mark.parametrize(
    "name", ["", "a b", "a\nSigned-off-by: me", "a, b", "</b>", "a\u202eb", "a\u200bb", "a/b", "-a"]
)
def test_a_name_that_is_no_word_is_refused(tmp_path, name, spec):
    (tmp_path / "mine.py").write_text(
        "from modelrepair.plugin.specs import ScorerSpec\n"
        f"class Mine:\n    sets = {{}}\n    name = {name!a}\n    {spec}\n"
    )
    with pytest.raises(PluginError, match=r"Mine in mine\.py is named"):
        load_registry().scorer(f"{tmp_path}/mine.py:Mine")


def test_the_file_is_read_anew_after_a_change(file):
    first = load_registry().scorer(f"{file}:Mine")
    file.write_text(DESCRIBED.replace("by my rule", "by another rule"))
    second = load_registry().scorer(f"{file}:Mine")
    assert second.spec.summary == "Scores by another rule."
    assert first.digest != second.digest


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("gone.py:Mine", UsageError, "no file"),
        ("mine.py:Yours", UsageError, "no class Yours"),
        ("mine.py:TooNew", PluginError, "interface 9"),
        ("mine.py:Progress", PluginError, "which sets"),
        ("broken.py:Mine", PluginError, "ZeroDivisionError"),
    ],
)
def test_what_can_be_wrong(file, name, error, message):
    (file.parent / "broken.py").write_text("1 / 0")
    with pytest.raises(error, match=message):
        load_registry().scorer(f"{file.parent}/{name}")


def test_the_classes_of_the_file_are_named(file):
    with pytest.raises(UsageError) as caught:
        load_registry().scorer(f"{file}:Yours")
    assert "Mine" in caught.value.hint
