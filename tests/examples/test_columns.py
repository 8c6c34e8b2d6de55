"""Columns, filters, limits and what is looked at before the start."""

from __future__ import annotations

import pytest

from modelrepair.examples.columns import dialogue, example_of
from modelrepair.examples.load import Example, Message
from modelrepair.examples.row import Row


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
