"""The text before an answer: turns as a template writes them, and where an answer begins."""

from __future__ import annotations

import pytest

from modelrepair.errors import ExampleSetError, UnsupportedModelError
from modelrepair.examples.example import Example, Message
from modelrepair.examples.thoughts import KNOWN, Thoughts
from modelrepair.examples.turns import (
    PROBE,
    Places,
    check_ends,
    places_of,
    plain,
    render,
    shared,
    template_text,
    turn_start,
)
from tests.support.asked import ask, template
from tests.support.chat_tokenizers import TEMPLATES, make_tokenizer


def test_plain_text_renders_all_turns():
    made = template("plain")
    turns = (Message("user", "Hi"), Message("assistant", "Yes?"), Message("user", "How?"))
    ids = made.prompt_ids(Example((Message("system", "Be brief."), *turns), None))
    assert made.kind == "plain"
    assert made.decode(ids) == (
        "Be brief.\n\n### Instruction:\nHi\n\n### Response:\nYes?\n\n"
        "### Instruction:\nHow?\n\n### Response:\n"
    )


def test_today_is_always_the_same_day():
    made = template("llama3")
    assert "Today Date: 26 Jul 2024" in made.decode(made.prompt_ids(ask("how?")))


def test_turns_that_a_template_refuses_are_an_error_that_names_them():
    with pytest.raises(ExampleSetError, match=r"(?m)refuses the turns system, user$"):
        template("gemma").pair(ask("how?", "so", system="Be brief."))
    assert template("llama2").pair(ask("how?", "so", system="Be brief.")).answer_start


@pytest.mark.parametrize(
    ("first", "second", "count"),
    [("", "", 0), ("abc", "abd", 2), ("abc", "abcd", 3), ("abc", "", 0), ([1, 2], [1, 2], 2)],
)
def test_how_much_is_shared_is_the_same_both_ways(first, second, count):
    assert shared(first, second) == shared(second, first) == count


def test_white_space_before_an_answer_is_the_model_s_to_write():
    assert places_of("Hi:", f"Hi: \n{PROBE}", Thoughts(KNOWN)) == Places("Hi:", "Hi:", "Hi:")


def test_an_empty_thought_before_an_answer_belongs_to_the_prompt():
    empty = "<think>\n\n</think>\n\n"
    places = places_of(f"Hi{empty}", f"Hi{empty}{PROBE}", Thoughts(KNOWN))
    assert places.before == places.prompt == places.asked == f"Hi{empty}"


def test_what_only_an_answered_prompt_has_is_part_of_what_comes_before_the_answer():
    places = places_of("Hi", f"Hi<final>{PROBE}", Thoughts(KNOWN))
    assert (places.before, places.prompt) == ("Hi<final>", "Hi<final>")


def test_a_template_that_leaves_the_answer_out_is_refused():
    with pytest.raises(ExampleSetError, match="leaves the answer out"):
        places_of("Hi", "Hi", Thoughts(KNOWN))


def test_the_last_answer_is_the_one_that_counts():
    prompt = f"You said {PROBE}. And now?"
    assert places_of(prompt, f"{prompt}{PROBE}", Thoughts(KNOWN)).before == prompt


def test_where_the_user_s_last_message_ends():
    example = Example((Message("user", " how? "),), None)
    assert turn_start(example, "how? User: how? [end]") == len("how? User: how?")
    assert turn_start(example, "a template that wrote it in other words") == 0


def test_plain_turns_end_where_an_answer_begins():
    assert plain([]) == "### Response:\n"
    assert plain([Message("user", "Hi")]) == "### Instruction:\nHi\n\n### Response:\n"


def test_a_refusal_of_turns_keeps_the_example_out_of_its_message():
    tokenizer = make_tokenizer("chatml")
    source = "{{ raise_exception(messages[0].content) }}"
    with pytest.raises(ExampleSetError, match="refuses the turns user, assistant") as caught:
        render(tokenizer, source, [Message("user", "SECRET")], "so")
    assert "SECRET" not in str(caught.value).splitlines()[0]


def test_rendered_turns_end_with_the_answer_or_are_opened_for_one():
    tokenizer, turns = make_tokenizer("chatml"), [Message("user", "how?")]
    opened = render(tokenizer, TEMPLATES["chatml"], turns, None)
    assert opened.endswith("<|im_start|>assistant\n")
    assert render(tokenizer, TEMPLATES["chatml"], turns, "so") == f"{opened}so<|im_end|>\n"


def test_only_a_template_that_asks_for_today_gets_a_day():
    assert template_text(make_tokenizer("chatml")) == TEMPLATES["chatml"]
    assert template_text(make_tokenizer("llama3")).endswith(TEMPLATES["llama3"])
    assert template_text(make_tokenizer("llama3")) != TEMPLATES["llama3"]


def test_several_templates_without_a_default_are_refused():
    tokenizer = make_tokenizer("chatml")
    tokenizer.chat_template = {"tool_use": "{{ messages }}", "rag": "{{ messages }}"}
    with pytest.raises(UnsupportedModelError, match="no default chat template"):
        template_text(tokenizer)


def test_a_template_that_does_not_end_is_refused_by_its_reason(monkeypatch):
    asked = []

    def try_template(source, conversations, settings):
        asked.append(([opened for _, opened in conversations], settings["eos_token"]))
        return "it loops" if "loop" in source else None

    monkeypatch.setattr("modelrepair.examples.turns.try_template", try_template)
    tokenizer = make_tokenizer("chatml")
    check_ends(tokenizer, "a harmless one of this test")
    with pytest.raises(UnsupportedModelError, match="can't be used: it loops"):
        check_ends(tokenizer, "a loop of this test")
    check_ends(tokenizer, "a harmless one of this test")  # known by now
    assert [opened for opened, _ in asked] == [[True, False, True, True]] * 2
    assert {end for _, end in asked} == {tokenizer.eos_token}
