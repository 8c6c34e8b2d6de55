"""The answer's tokens are known exactly, in every style of chat template."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelrepair.errors import ExampleSetError, UnsupportedModelError
from modelrepair.examples.template import Template
from tests.support.asked import ask, template
from tests.support.chat_tokenizers import ENDS, TEMPLATES, make_tokenizer

STYLES = list(TEMPLATES)


def answer_of(made: Template, pair) -> str:
    return made.decode(pair.ids[pair.answer_start :], special=True)


words = st.text(st.characters(codec="utf-8", exclude_characters="<|>"), min_size=1, max_size=12)
spaced = st.builds(
    lambda before, text, after: before + text + after,
    st.sampled_from(["", " ", "\n", "\n\n", "\t"]),
    words.filter(str.strip),
    st.sampled_from(["", " ", "\n", "\n\n "]),
)


@pytest.mark.quick("chatml", "llama3", "qwen3", "harmony", "plain")
@pytest.mark.parametrize("style", STYLES)
@given(question=spaced, response=spaced)
@settings(max_examples=60, deadline=None)
def test_the_answer_is_the_response_and_the_end_of_its_turn(style, question, response):
    made = template(style)
    pair = made.pair(ask(question, response))
    text = answer_of(made, pair)
    assert text.endswith(ENDS[style])
    assert text.removesuffix(ENDS[style]).strip() == response.strip()
    # What the model is asked to go on from is what stands before the answer.
    assert list(pair.ids[: pair.answer_start]) == made.prompt_ids(ask(question))
    assert pair.cut == 0
    assert pair.key == ask(question, response).digest


@pytest.mark.parametrize("style", STYLES)
def test_another_answer_to_the_same_prompt_begins_at_the_same_place(style):
    made = template(style)
    example = ask("how do I make a cake?", "With flour.")
    other = made.pair(example, "\n I won't say. ")
    assert other.ids[: other.answer_start] == tuple(made.prompt_ids(example))
    assert other.key != example.digest
    assert "I won't say." in answer_of(made, other)


@pytest.mark.parametrize("style", ["chatml", "qwen3", "plain"])
def test_a_text_is_tokenized_once_however_often_it_is_asked_for(style, monkeypatch):
    made, texts = Template(make_tokenizer(style)), []
    real = type(made.tokenizer).__call__

    def counted(self, text, **options):
        texts.append(text)
        return real(self, text, **options)

    monkeypatch.setattr(type(made.tokenizer), "__call__", counted)
    example = ask("how?", "So.")
    first = made.asked_ids(example)
    first.append(7)  # what was given may be changed
    assert made.asked_ids(example) == first[:-1]
    assert made.prompt_ids(example) == list(made.prompt(example).ids)
    made.pair(example)
    assert texts
    assert len(texts) == len(set(texts))


@pytest.mark.parametrize("style", STYLES)
def test_there_is_one_first_token_at_most_and_nothing_after_the_turn(style):
    made = template(style)
    pair = made.pair(ask("how?", "the answer"))
    bos = made.tokenizer.bos_token_id
    assert list(pair.ids).count(bos) == (
        1 if style in ("llama2", "llama3", "gemma", "thinker") else 0
    )
    assert style == "unmarked" or pair.ids[-1] in made.end_ids
    assert made.tokenizer.eos_token_id in made.end_ids


def test_plain_text_begins_with_the_token_that_the_tokenizer_puts_first():
    from tokenizers.processors import TemplateProcessing

    tokenizer = make_tokenizer("plain")
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", tokenizer.bos_token_id)]
    )
    made = Template(tokenizer)
    pair = made.pair(ask("how?", "the answer"))
    assert list(pair.ids).count(tokenizer.bos_token_id) == 1
    assert pair.ids[: pair.answer_start] == tuple(made.prompt_ids(ask("how?")))
    assert answer_of(made, pair) == "the answer</s>"


def test_empty_thoughts_and_channels_belong_to_the_prompt():
    qwen = template("qwen3")
    assert qwen.decode(qwen.prompt_ids(ask("how?")), special=True).endswith(
        "<think>\n\n</think>\n\n"
    )
    thinker = template("thinker")
    assert thinker.decode(thinker.prompt_ids(ask("how?")), special=True).endswith(
        "<|assistant|><think>\n\n</think>\n\n"
    )
    harmony = template("harmony")
    assert harmony.decode(harmony.prompt_ids(ask("how?")), special=True).endswith(
        "final<|message|>"
    )


def test_an_answer_that_the_template_changes_is_an_error():
    with pytest.raises(ExampleSetError, match="changes the answer") as caught:
        template("qwen3").pair(ask("how?", "secret thoughts</think>the answer"))
    assert "secret" not in str(caught.value)


@pytest.mark.quick("*raise_exception*", "broken4")
@pytest.mark.parametrize(
    "broken",
    [
        "{{ raise_exception('no') }}",
        "{% for m in messages %}{{ m.content }}",
        "{% for m in messages %}{% if m.role == 'user' %}{{ m.content }}{% endif %}{% endfor %}",
        "{{ messages[0].content + 1 }}",
        {"tool_use": "{{ messages }}", "rag": "{{ messages }}"},
    ],
)
def test_a_template_that_can_not_be_used_is_refused_at_once(broken):
    tokenizer = make_tokenizer("chatml")
    tokenizer.chat_template = broken
    with pytest.raises(UnsupportedModelError):
        Template(tokenizer)


def test_long_answers_are_cut_at_their_end_and_long_prompts_dropped():
    whole = template("chatml")
    short = Template(make_tokenizer("chatml"), max_length=40)
    examples = [ask("how?", "the answer " * n) for n in (1, 30)] + [ask("how " * 60, "so")]
    made = short.pairs(examples)
    assert (len(made.examples), made.cut, made.dropped) == (2, 1, 1)
    full = whole.pair(examples[1])
    assert made.examples[1].ids == full.ids[:40]
    assert made.examples[1].cut == len(full.ids) - 40
    assert made.examples[1].answer_start == full.answer_start
    with pytest.raises(ExampleSetError, match="leaves no room"):
        short.prompt(examples[2])


def test_prompts_alone_have_no_answer():
    made = template("chatml")
    (prompt,) = made.prompts([ask("how?", "so")]).examples
    assert prompt.answer_start == len(prompt.ids)
    assert list(prompt.ids) == made.prompt_ids(ask("how?"))
    with pytest.raises(ExampleSetError, match="no answer"):
        made.pair(ask("how?"))


def lossy(unknown: bool):
    """A tokenizer of whole words that knows few of them."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    known = [
        "[UNK]",
        "modelrepair",
        "probe",
        "answer",
        "how",
        "?",
        "Hello",
        "#",
        ":",
        "Instruction",
    ]
    inner = Tokenizer(models.WordLevel({w: n for n, w in enumerate([*known, "Response"])}, "[UNK]"))
    inner.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return PreTrainedTokenizerFast(
        tokenizer_object=inner, unk_token="[UNK]" if unknown else None, eos_token=None
    )


def test_characters_that_the_model_does_not_know_are_let_through_only_as_unknown():
    assert Template(lossy(True)).pair(ask("how ?", "flour")).ids[-1] == 0
    with pytest.raises(ExampleSetError, match="does not give back"):
        Template(lossy(False)).pair(ask("how ?", "flour"))


def test_a_token_that_can_not_be_taken_apart_belongs_to_the_answer():
    from tokenizers import Tokenizer, decoders, models, normalizers
    from transformers import PreTrainedTokenizerFast

    letters = sorted(
        set("▁### Instruction:\n\nHelloRspqwa?modelrepair probe answer".replace(" ", "▁"))
    )
    vocabulary = {letter: n for n, letter in enumerate(letters)} | {":\n": 90, "\na": 91}
    inner = Tokenizer(models.BPE(vocabulary, [("\n", "a")]))
    vocabulary.pop(":\n")
    inner = Tokenizer(models.BPE(vocabulary, [("\n", "a")]))
    # As sentencepiece does: every text gets a space in front, which makes side by side differ.
    inner.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    inner.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    made = Template(PreTrainedTokenizerFast(tokenizer_object=inner))
    pair = made.pair(ask("Hello", "a"))
    assert answer_of(made, pair) == "\na"
    prompt = made.prompt_ids(ask("Hello"))
    assert list(pair.ids[: pair.answer_start]) == prompt[:-1]


def test_an_example_becomes_tokens_once():
    tokenizer = make_tokenizer(STYLES[0])
    made = Template(tokenizer)
    examples = [ask("one", "two"), ask("three", "four"), ask("five")]
    first = made.pairs(examples[:2]), made.prompts(examples)

    def again(*arguments, **options):
        raise AssertionError("tokens were made again")

    made.tokenizer = again  # neither rendered nor encoded another time
    assert (made.pairs(examples[:2]), made.prompts(examples)) == first
