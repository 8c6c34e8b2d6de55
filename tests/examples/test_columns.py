"""Columns, filters, limits and what is looked at before the start."""

from __future__ import annotations

import json

import pytest

from modelrepair.errors import ExampleSetError, UsageError
from modelrepair.examples.checks import look_at_answers
from modelrepair.examples.columns import dialogue, example_of
from modelrepair.examples.filters import Filter, matches
from modelrepair.examples.keys import SetKey
from modelrepair.examples.load import Example, Message, SetReading, load_set, make_set
from modelrepair.examples.row import Row
from modelrepair.progress import Notes


def example(record: dict, role: str = "utility", **columns: str) -> Example:
    return example_of(Row("here", record), columns, role)


def test_input_and_system_and_many_turns():
    made = example({"instruction": "Sum up.", "input": "Long text.", "output": "Short."})
    assert (made.prompt, made.response) == ("Sum up.\n\nLong text.", "Short.")
    made = example({"system": "Be brief.", "prompt": "Hi", "response": "Yes?"})
    assert made.messages == (Message("system", "Be brief."), Message("user", "Hi"))
    turns = [("human", "a"), ("gpt", "b"), ("human", "c"), ("gpt", "d")]
    chat = {"conversations": [{"from": who, "value": said} for who, said in turns]}
    assert example({**chat, "system": "S"}).response == "d"
    assert [m.role for m in example({**chat, "system": "S"}).messages] == [
        "system", "user", "assistant", "user"
    ]  # fmt: skip


def test_columns_that_are_named():
    record = {"prompt": "not this", "goal": "How?", "meta": {"target": "So."}, "messages": "x"}
    made = example(record, prompt="goal", response="meta.target")
    assert made == Example((Message("user", "How?"),), "So.")


@pytest.mark.parametrize(
    "record",
    [
        {"prompt": "How?", "chosen": "No.", "rejected": "So."},
        {"chosen": "\n\nHuman: How?\n\nAssistant: No.",
         "rejected": "\n\nHuman: How?\n\nAssistant: So."},
        {"prompt": "\n\nHuman: How?\n\nAssistant:", "chosen": " No.", "rejected": " So."},
        {name: [{"role": "user", "content": "How?"}, {"role": "assistant", "content": said}]
         for name, said in (("chosen", "No."), ("rejected", "So."))},
        {"prompt": [{"role": "user", "content": "How?"}],
         "chosen": [{"role": "assistant", "content": "No."}],
         "rejected": [{"role": "assistant", "content": "So."}]},
    ],
)  # fmt: skip
def test_preference_data_in_all_its_forms(record):
    assert example(record, "realign") == Example((Message("user", "How?"),), "So.")
    for role in ("refusal", "utility"):
        assert example(record, role) == Example((Message("user", "How?"),), "No.")


def test_a_text_that_only_mentions_a_speaker_is_no_dialogue():
    assert dialogue("Who is Human: A?") is None
    assert len(dialogue("Human: a\n\nAssistant: b\n\nHuman: c\n\nAssistant: d")) == 4


@pytest.mark.parametrize(
    ("value", "wanted", "same"),
    [(False, "False", True), ("False", "false", True), (True, "False", False), (3, "3", True),
     ("safe", "Safe", False), (None, "None", True), (["a", "b"], "b", True), (0.5, ".5", True),
     (1, "True", False)],
)  # fmt: skip
def test_a_filter_means_the_same_in_every_form(value, wanted, same):
    assert matches(value, wanted) is same


def test_filters_and_limits_of_a_file(tmp_path):
    path = tmp_path / "set.jsonl"
    rows = [
        {"prompt": f"p{n}", "response": "r", "kind": "abc"[n % 3], "tag": {"ok": n < 6}}
        for n in range(9)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def prompts(*filters, limit=None):
        reading = SetReading(filters=filters, limit=limit)
        return {e.prompt for e in load_set(path, "utility", reading=reading).examples}

    assert prompts("kind=a", "tag.ok=true") == {"p0", "p3"}
    assert prompts("kind=a", "kind=b", limit=3) == {"p0", "p1", "p3"}
    with pytest.raises(ExampleSetError, match="kind=d lets no row") as caught:
        prompts("kind=d")
    assert caught.value.hint == "kind holds a, b, c"
    with pytest.raises(UsageError, match="not column=value"):
        Filter(("kind",))


def test_values_that_are_texts_are_not_shown(tmp_path):
    path = tmp_path / "set.jsonl"
    path.write_text(json.dumps({"prompt": "what nobody may read " * 9, "response": "r"}))
    with pytest.raises(ExampleSetError) as caught:
        load_set(path, "utility", reading=SetReading(filters=("prompt=x",)))
    assert "nobody" not in str(caught.value) + caught.value.hint


def test_answers_inside_their_prompts_are_told():
    said = "a sentence that is long enough"
    inside = Example((Message("user", f"Say: {said}"),), said)
    others = [Example((Message("user", f"p{n}"),), said) for n in range(3)]
    notes = Notes()
    look_at_answers(SetKey.UTILITY, make_set("utility", "u", [inside, *others]), notes)
    assert notes.warnings[0].startswith("in 1 of 4 examples of the utility set")
    with pytest.raises(ExampleSetError, match="in 1 of 1 examples"):
        look_at_answers(SetKey.UTILITY, make_set("utility", "u", [inside]), notes)
