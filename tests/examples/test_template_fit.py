"""Examples that a template can't render: left out one by one, reported, and never most of them."""

from __future__ import annotations

import pytest

from modelrepair.errors import ExampleSetError, UnsupportedModelError
from modelrepair.examples.load import Example, Message
from modelrepair.examples.splits import Split, Splits
from modelrepair.examples.template import Template
from modelrepair.examples.template_fit import fit
from modelrepair.progress import Notes
from tests.support.chat_tokenizers import make_tokenizer


def ask(text: str, response: str | None = "the answer", system: str | None = None) -> Example:
    before = (Message("system", system),) if system else ()
    return Example((*before, Message("user", text)), response)


def cut(*score: Example, select: tuple[Example, ...] = ()) -> Splits:
    return Splits({"utility": Split(score, select, ())}, {}, ())


GOOD = [ask(f"question {n}") for n in range(4)]
THOUGHT = ask("how?", "a thought</think>the answer")


def test_what_the_template_changes_is_left_out_and_nothing_moves_up():
    notes = Notes()
    fitted = fit(cut(GOOD[0], THOUGHT, GOOD[1], select=(GOOD[2],)), qwen(), notes)["utility"]
    assert (fitted.score, fitted.select) == ((GOOD[0], GOOD[1]), (GOOD[2],))
    (said,) = notes.warnings
    assert said.startswith("1 of 4 examples of the utility set were left out; first: the chat te")
    assert THOUGHT.digest[:12] in said
    assert "thought" not in said


def test_sets_that_fit_are_as_they_were():
    notes, splits = Notes(), cut(*GOOD, ask("a prompt alone", None))
    assert fit(splits, qwen(), notes) == splits
    assert notes.warnings == []


@pytest.mark.parametrize("style", ["llama2", "gemma"])
def test_a_system_prompt_is_read_or_the_example_is_left_out(style):
    notes = Notes()
    with_system = ask("how?", system="Be  brief. ")
    fitted = fit(cut(*GOOD, with_system), Template(make_tokenizer(style)), notes)["utility"]
    assert (with_system in fitted.score) == (style == "llama2")
    assert len(notes.warnings) == (style == "gemma")


def test_a_system_prompt_that_is_not_read_is_told():
    tokenizer = make_tokenizer("chatml")
    tokenizer.chat_template = tokenizer.chat_template.replace(
        "{{ m.content }}", "{{ m.content if m.role != 'system' else '' }}"
    )
    notes = Notes()
    fitted = fit(cut(GOOD[0], ask("how?", system="Be brief.")), Template(tokenizer), notes)
    assert len(fitted["utility"].score) == 2
    assert notes.warnings == [
        "the chat template leaves out system prompts: 1 of 2 examples of the utility set are read "
        "without theirs"
    ]


@pytest.mark.parametrize(
    "splits", [cut(THOUGHT, THOUGHT, GOOD[0]), cut(THOUGHT, select=(GOOD[0], GOOD[1]))]
)
def test_most_of_a_set_or_all_that_scores_is_an_error(splits):
    with pytest.raises(ExampleSetError, match="of 3 examples of the utility set can't be used"):
        fit(splits, qwen(), Notes())


def test_long_prompts_are_counted_elsewhere():
    long, notes = ask("how " * 90), Notes()
    template = Template(make_tokenizer("qwen3"), max_length=60)
    assert fit(cut(long, GOOD[0]), template, notes)["utility"].score == (long, GOOD[0])
    assert notes.warnings == []


def test_a_token_that_the_embedding_does_not_have_is_refused():
    tokenizer = make_tokenizer("chatml")
    highest = max(Template(tokenizer).pair(GOOD[0]).ids)
    assert Template(tokenizer, vocabulary=highest + 1).pair(GOOD[0])
    with pytest.raises(UnsupportedModelError, match=f"the token {highest}, .* has {highest}"):
        Template(tokenizer, vocabulary=highest).pair(GOOD[0])


def test_padding_is_a_token_that_the_embedding_has():
    tokenizer = make_tokenizer("chatml")
    assert Template(tokenizer).pad_id == 0
    tokenizer.add_special_tokens({"pad_token": "<|pad|>"})
    assert Template(tokenizer).pad_id == len(tokenizer) - 1
    assert Template(tokenizer, vocabulary=len(tokenizer) - 1).pad_id == 0


def qwen() -> Template:
    return Template(make_tokenizer("qwen3"))
