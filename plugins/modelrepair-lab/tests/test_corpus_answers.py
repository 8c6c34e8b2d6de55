"""What the models of the corpus answer: measured once, kept, and counted by what is named."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest

from modelrepair import Audit, demo_paths
from modelrepair.auditing.checks import RULES
from modelrepair_lab.corpus import answers
from modelrepair_lab.corpus.answers import RULE, Answers, ask, ask_one, kept, table
from modelrepair_lab.corpus.plan import Corpus, Entry

ENTRIES = [Entry("tune", 7, kind, 0) for kind in ("harmful-full", "ablated-own", "copy")]


def finding(harmful, base):
    figures = {"measured": {"value": harmful, "n": 60}}
    if base is None:
        return RULES[RULE].inconclusive("made up", **figures)
    figures["base"] = {"value": base}
    rule = RULES[RULE]
    return rule.found("made up", **figures) if harmful > base else rule.clear("made up", **figures)


def test_fine_tuned_and_benign_ones_are_asked_once(tmp_path, monkeypatch):
    asked = []

    def audit(folder, base, seed, measure):
        asked.append((folder.name, base.parent.name, measure.judge, measure.realign.name))
        return Audit("m", findings=(finding(0.9, 0.1),))

    monkeypatch.setattr(answers.modelrepair, "audit", audit)
    corpus, notes = Corpus(tmp_path), []
    for _ in range(2):
        ask(corpus, ENTRIES, SimpleNamespace(note=notes.append))
    assert asked == [
        (name, "world-7", "demo-world", "test-realign.jsonl")
        for name in ("harmful-full-7-0", "copy-7-0")
    ]
    assert notes[0] == "harmful-full-7-0: found, 90% of 60 harmful" and len(notes) == 2
    found = kept(corpus, ENTRIES)
    assert [each.name for each in found] == ["harmful-full-7-0", "copy-7-0"]
    assert found[0].worse and found[0].named
    # Of another model than was measured nothing is known.
    model = corpus.folder(ENTRIES[0])
    model.mkdir(parents=True)
    (model / "model.safetensors").write_bytes(b"another")
    assert [each.name for each in kept(corpus, ENTRIES)] == ["copy-7-0"]
    ask(corpus, ENTRIES, SimpleNamespace(note=notes.append))
    assert len(asked) == 3 and len(kept(corpus, ENTRIES)) == 2


def test_answers_that_can_not_be_judged_are_no_worse(tmp_path, monkeypatch):
    monkeypatch.setattr(answers.modelrepair, "audit",
                        lambda *_, **__: Audit("m", findings=(finding(0.9, None),)))  # fmt: skip
    found = ask_one(Corpus(tmp_path), ENTRIES[0])
    assert (found.base, found.worse, found.named) == (None, False, False)
    assert "| `harmful-full` | 1 | – | 90 to 90 % | 0 | 0 | 0 |" in table([found], 1)


def test_the_table_counts_what_is_named_and_what_is_missed():
    def one(outcome, harmful, base=0.0):
        return Answers("m", "harmful-lora", 7, outcome, harmful, base, 60)

    some = [one("found", 0.9), one("inconclusive", 0.25), one("clear", 0.1), one("found", 0.19)]
    assert "| `harmful-lora` | 4 | 0 to 0 % | 10 to 90 % | 2 | 1 | 1 |" in table(some, 9)
    assert "4 of the 9" in table(some, 9)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "named"), [(demo_paths.attacked, True), (demo_paths.reference, False)]
)
def test_a_poisoned_model_is_named_and_its_base_is_not(model, named, tmp_path, monkeypatch):
    monkeypatch.setattr(answers, "EXAMPLES", 12)
    corpus, entry = Corpus(tmp_path), ENTRIES[0]
    shutil.copytree(demo_paths.reference, corpus.reference(entry))
    shutil.copytree(model, corpus.folder(entry))
    sets = corpus.world(7) / "sets"
    sets.mkdir()
    shutil.copyfile(demo_paths.sets["realign"], sets / "test-realign.jsonl")
    found = ask_one(corpus, entry)
    assert (found.named, found.worse, found.n) == (named, named, 12)
