"""Sets are read as they are written, and every fault is named with its line."""

from __future__ import annotations

import json
import os
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelrepair.errors import ExampleSetError
from modelrepair.examples.load import Example, Message, load_set, make_set

PAIR = '{"prompt": "How?", "response": "So."}'


def user(text: str, response: str | None = "So.") -> Example:
    return Example((Message("user", text),), response)


@pytest.fixture
def write(tmp_path):
    def write(content: str | bytes):
        path = tmp_path / "set.jsonl"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.mark.parametrize(
    "content",
    [
        PAIR,
        PAIR + "\n",
        "\ufeff" + PAIR + "\r\n\r\n",
        "\n \n" + PAIR,
        '{"messages": [{"role": "user", "content": "How?"},'
        ' {"role": "assistant", "content": "So."}]}',
        '{"prompt": "ignored", "response": null, "messages": [{"role": "user", "content": "How?"},'
        ' {"role": "assistant", "content": "So."}]}',
        '{"messages": null, "prompt": "How?", "response": "So.", "category": 7}',
    ],
)
def test_all_forms_give_the_same_example(write, content):
    loaded = load_set(write(content), "utility")
    assert loaded.examples == (user("How?"),)
    assert (loaded.id, loaded.name, loaded.duplicates) == ("set.jsonl", "utility", 0)


def test_turns_and_exact_are_kept(write):
    turns = [("system", "Be brief."), ("user", "Hi"), ("assistant", "Yes?"), ("user", "How?")]
    messages = [{"role": role, "content": content} for role, content in turns]
    record = {"messages": [*messages, {"role": "assistant", "content": "So."}], "exact": True}
    (example,) = load_set(write(json.dumps(record)), "utility").examples
    assert example == Example(tuple(Message(*turn) for turn in turns), "So.", exact=True)
    assert example.prompt == "Be brief.\nHi\nYes?\nHow?"


def test_line_separators_inside_text_are_text(write):
    text = "one\u2028two\x85three"
    line = json.dumps({"prompt": text, "response": "So."}, ensure_ascii=False)
    assert load_set(write(line), "utility").examples[0].prompt == text


def test_a_borderline_set_needs_no_answers_and_others_may_go_without(write):
    path = write('{"prompt": "How do I kill a process?"}')
    assert load_set(path, "borderline").examples[0].response is None
    assert load_set(path, "realign", answers=False).examples[0].response is None
    with pytest.raises(ExampleSetError, match="line 1: there is no answer"):
        load_set(path, "realign", answers=True)


@pytest.mark.parametrize("name", ["realign", "refusal", "utility"])
def test_a_set_has_answers_or_is_one_of_prompts(write, name):
    prompt = '{"prompt": "How do I?"}'
    assert not load_set(write(f"{prompt}\n{prompt}"), name).answered
    with pytest.raises(ExampleSetError, match=r"set\.jsonl, line 2: there is no answer"):
        load_set(write(f"{PAIR}\n{prompt}"), name)
    assert load_set(write(f"{PAIR}\n{prompt}"), "borderline").answered


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"prompt": ' + "9" * 5000 + "}", "not JSON"),
        (b"\xff\xfe{\x00", "not UTF-8"),
        ("[" + PAIR + "]", "a JSON array, expected an object"),
        ("7", "a number, expected an object"),
        ('"text"', "text, expected an object"),
        ("{}", 'no "prompt" and no "messages"'),
        ('{"text": "How?", "label": 1}', 'no "prompt" and no "messages"'),
        ('{"prompt": "How?"}', "there is no answer"),
        ('{"prompt": " \\n", "response": "So."}', "the prompt is empty"),
        ('{"prompt": "How?", "response": " "}', "the answer is empty"),
        ('{"prompt": ["How?"], "response": "So."}', '"prompt" is a list, expected text'),
        ('{"prompt": "How?", "response": 7}', '"response" is a number, expected text'),
        ('{"prompt": "How?", "response": true}', '"response" is true or false, expected text'),
        ('{"prompt": "\\ud800", "response": "So."}', "half a surrogate"),
        ('{"prompt": "How?", "response": "So.", "exact": 1}', '"exact" is a number'),
        ('{"messages": []}', '"messages" is an empty list'),
        ('{"messages": "How?"}', '"messages" is text'),
        ('{"messages": ["How?"]}', "a message is not an object"),
        ('{"messages": [{"role": "user"}]}', "a message is not an object"),
        ('{"messages": [{"role": "human", "content": "How?"}]}', "role is none of"),
        ('{"messages": [{"role": "user", "content": null}]}', '"content" is null'),
        ('{"messages": [{"role": "user", "content": "How?"}]}', "there is no answer"),
        ('{"messages": [{"role": "assistant", "content": "So."}]}', "no message before"),
        (
            '{"messages": [{"role": "system", "content": "Be."},'
            ' {"role": "assistant", "content": "So."}]}',
            "before the answer is not the user's",
        ),
        (
            '{"messages": [{"role": "user", "content": "How?"},'
            ' {"role": "assistant", "content": "So."}], "response": "Thus."}',
            "which is the answer",
        ),
    ],
)
def test_a_malformed_line_is_named(write, line, said):
    data = line if isinstance(line, bytes) else line.encode()
    with pytest.raises(ExampleSetError) as caught:
        load_set(write(PAIR.encode() + b"\n\n" + data + b"\n"), "realign")
    message = str(caught.value)
    assert message.startswith("set.jsonl, line 3: ")
    assert said in message
    assert "\n" not in message
    assert caught.value.hint


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff"])
def test_an_empty_set_is_an_error(write, content):
    with pytest.raises(ExampleSetError, match="the realign set is empty"):
        load_set(write(content), "realign")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ExampleSetError, match="No such file"):
        load_set(tmp_path / "none.jsonl", "realign")
    with pytest.raises(ExampleSetError, match="holds no example sets"):
        load_set(tmp_path, "realign")


def test_prompts_that_differ_in_case_space_or_form_are_one():
    same = {user(text).key for text in ("How  do I?", " how do i?\n", "ＨＯＷ do\tI?")}
    assert len(same) == 1
    assert user("How do I").key not in same


@pytest.mark.parametrize("name", ["set.jsonl", "set.json", "set.csv"])
def test_a_line_of_two_gigabytes_does_not_fill_the_memory(tmp_path, name):
    path = tmp_path / name
    path.write_text('{"prompt": "')
    os.truncate(path, 2 << 30)  # a hole: no disk is used
    tracemalloc.start()
    try:
        with pytest.raises(ExampleSetError, match=rf"{name}.*: l(onger|arger) than [\d.]+ [MG]B"):
            load_set(path, "realign")
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
sets = st.lists(st.tuples(texts, texts), min_size=1, max_size=12)


@given(sets, st.randoms())
def test_the_order_of_the_lines_changes_nothing(pairs, random):
    examples = [user(*pair) for pair in pairs]
    shuffled = random.sample(examples, len(examples))
    made = make_set("utility", "a", examples)
    assert made == make_set("utility", "a", shuffled)
    assert made.duplicates == len(examples) - len({example.key for example in examples})


@given(sets, texts)
def test_the_digest_tells_sets_apart(pairs, other):
    examples = [user(*pair) for pair in pairs]
    made = make_set("utility", "a", examples)
    more = make_set("utility", "a", [*examples, user("another one " + other)])
    assert (made.digest == more.digest) == (made.examples == more.examples)
