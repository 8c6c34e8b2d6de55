"""Looks at sets before anything starts: answers that their prompts contain, answers cut off."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from modelrepair.errors import ExampleSetError
from modelrepair.examples.checks import look_at_answers, look_at_room, look_at_splits
from modelrepair.examples.keys import SetKey
from modelrepair.examples.load import Example, Message, make_set
from modelrepair.examples.splits import Split, Splits
from modelrepair.examples.template import Template
from modelrepair.examples.template_fit import fit
from modelrepair.pipeline.open_models import load_template
from modelrepair.preflight.sets import count_cut
from modelrepair.progress import Notes
from tests.support.chat_tokenizers import make_tokenizer


def test_what_is_cut_is_counted():
    notes = Notes()
    count_cut("utility", SimpleNamespace(cut=2, dropped=1), notes)
    count_cut("realign", SimpleNamespace(cut=0, dropped=0), notes)
    assert notes.cut == {"utility": 3, "realign": 0}
    assert len(notes.warnings) == 2


def test_answers_inside_their_prompts_are_told():
    said = "a sentence that is long enough"
    inside = Example((Message("user", f"Say: {said}"),), said)
    others = [Example((Message("user", f"p{n}"),), said) for n in range(3)]
    notes = Notes()
    look_at_answers(SetKey.UTILITY, make_set("utility", "u", [inside, *others]), notes)
    assert notes.warnings[0].startswith("in 1 of 4 examples of the utility set")
    with pytest.raises(ExampleSetError, match="in 1 of 1 examples"):
        look_at_answers(SetKey.UTILITY, make_set("utility", "u", [inside]), notes)


@pytest.mark.parametrize(("style", "told"), [("thinker", 2), ("qwen3", 0), ("chatml", 0)])
def test_good_answers_without_thoughts_are_told_where_every_thought_is_opened(style, told):
    rows = [Example((Message("user", f"p{n}"),), f"an answer, {n}") for n in range(3)]
    split = Split((replace(rows[0], thought="hm"),), tuple(rows[1:2]), tuple(rows[2:]))
    notes = Notes()
    look_at_splits(Splits({"utility": split}, {}, ()), Template(make_tokenizer(style)), notes)
    found = [line for line in notes.warnings if "no thought before them" in line]
    assert [line.split()[:3] for line in found] == ([[str(told), "of", "3"]] if told else [])


def test_what_the_context_cuts_is_counted(tmp_path):
    tokenizer = make_tokenizer("chatml")
    tokenizer.save_pretrained(tmp_path)
    notes = Notes()
    made = load_template(tmp_path, 1024, len(tokenizer), notes, 60)
    assert notes.warnings == []

    def ask(text):
        return Example((Message("user", text),), "yes " * 80)

    short, middle, long = ask("how?"), ask("how " * 10), ask("how " * 90)
    assert len(made.pair(short).ids) == 60
    splits = Splits({"utility": Split((short, middle), (), (middle, short, long))}, {}, ())
    notes = Notes()
    fitted = fit(splits, made, notes)
    assert fitted["utility"].report == (middle, short)
    assert notes.warnings == [
        "1 of 5 examples of the utility set were left out: their prompts fill the model's context "
        "of 60 tokens",
        "4 of 5 examples of the utility set are longer than the model's context of 60 tokens and "
        "are cut there",
    ]
    brief = Splits({"utility": Split((Example(short.messages, "so"),), (), ())}, {}, ())
    notes = Notes()
    fit(brief, made, notes)
    assert notes.warnings == []
    notes = Notes()
    look_at_room(fitted, made, 40, notes)
    [warning] = notes.warnings
    assert "after 1 of 2 prompts that is less than the 40 of an answer" in warning
    with pytest.raises(ExampleSetError, match="all 1 prompts of the utility set fill the model"):
        fit(Splits({"utility": Split((long,), (), ())}, {}, ()), made, Notes())
