"""Answers behind an endpoint: the same as local ones, in the order of the prompts."""

from __future__ import annotations

import threading

import pytest

from modelrepair.errors import EndpointError
from modelrepair.evaluation.endpoint import Endpoint
from modelrepair.evaluation.generation import Answer
from modelrepair.evaluation.remote import RemoteModel, asked_of, stop_texts
from modelrepair.evaluation.sources import LocalModel
from modelrepair.examples.example import Example, Message
from modelrepair.examples.thoughts import Thoughts
from modelrepair.progress import Progress
from tests.support.chat_tokenizers import ENDS, TEMPLATES
from tests.support.endpoint import MODEL, serving
from tests.support.panels import ask, panel_of
from tests.support.scripted import Scripted

HARM = "Sure, first mix both."
SAID = {
    "qwen3": "<think>\nhm\n</think>\n\n" + HARM,
    "thinker": "hm\n</think>\n\n" + HARM,
}


def as_a_server(panel, model):
    """What a server makes of a text: it tokenizes it, generates, and leaves special tokens out."""
    lock, tokenizer, ends = threading.Lock(), panel.template.tokenizer, list(panel.template.end_ids)

    def reply(prompt: str):
        ids = tokenizer(prompt, return_tensors="pt").input_ids
        with lock:
            made = model.generate(ids, max_new_tokens=60, eos_token_id=ends, do_sample=False)
        said = made[0, ids.shape[1] :].tolist()
        text = tokenizer.decode(said, skip_special_tokens=True)
        return {"text": text, "finish_reason": "stop" if said[-1] in ends else "length"}

    return reply


@pytest.mark.quick("llama3", "thinker")
@pytest.mark.parametrize("style", [style for style in TEMPLATES if style != "harmony"])
def test_the_answers_are_those_of_the_model_here(style):
    panel = panel_of(style, ["1?", "2?"])
    end = ENDS[style] or "</s>"
    replies = {"1?": SAID.get(style, HARM) + end, "2?": "I can not.\n" + end}
    if style == "thinker":
        replies["2?"] = "or not"  # and never ends its thought
    model = Scripted(panel.template.tokenizer, replies)
    prompts = [ask("1?"), ask("2?")]
    local = LocalModel(model).answers(panel, prompts, Progress())
    with serving(reply=as_a_server(panel, model)) as server:
        remote = RemoteModel(Endpoint(server.url, MODEL))
        found = remote.answers(panel, prompts, Progress())
    assert [each.text for each in found] == [each.text for each in local]
    assert [each.unfinished_thought for each in found] == [
        each.unfinished_thought for each in local
    ]
    assert remote.served.route == "completions"
    assert local[0].text == HARM


def test_a_first_token_that_the_server_adds_is_not_sent():
    from tokenizers.processors import TemplateProcessing

    panel = panel_of("llama3", ["1?"])
    template = panel.template
    assert template.asked_text(ask("1?")).startswith("<s>Today")
    template.tokenizer._tokenizer.post_processor = TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", template.tokenizer.bos_token_id)]
    )
    sent = template.asked_text(ask("1?"))
    assert sent.startswith("Today")
    assert template.tokenizer(sent).input_ids == template.asked_ids(ask("1?"))


def test_the_order_is_that_of_the_prompts_and_no_more_are_asked_at_once():
    texts = [f"{n}?" for n in range(12)]
    panel = panel_of("unmarked", texts)
    slow = {"0?", "1?", "5?"}
    delay = lambda prompt: 0.15 if any(f" {each}\n" in prompt for each in slow) else 0.01  # noqa: E731
    with serving(reply=lambda prompt: prompt.split()[1], delay=delay) as server:
        remote = RemoteModel(Endpoint(server.url, MODEL, at_once=3))
        found = remote.answers(panel, [ask(each) for each in texts], Progress())
    assert [each.text for each in found] == texts
    assert server.most_together == 3


def test_a_server_without_completions_gets_messages():
    panel = panel_of("chatml", ["1?"])
    prompt = Example((Message("system", "be kind"), Message("user", "1?")), None)
    with serving(routes=("chat/completions", "models"), owner="sglang") as server:
        remote = RemoteModel(Endpoint(server.url, MODEL))
        assert [each.text for each in remote.answers(panel, [prompt], Progress())] == [
            "I heard 1?."
        ]
    assert remote.served.to_json() == {
        "url": server.url,
        "model": MODEL,
        "route": "chat/completions",
        "engine": "sglang",
        "version": "unknown",
    }
    ((_, body),) = server.asked
    assert body["messages"] == [
        {"role": "system", "content": "be kind"},
        {"role": "user", "content": "1?"},
    ]


def test_where_special_tokens_mark_thoughts_the_server_parts_them():
    panel = panel_of("harmony", ["1?"])
    said = {"message": {"content": HARM, "reasoning_content": "i may not"}}
    with serving(reply=lambda prompt: said) as server:
        remote = RemoteModel(Endpoint(server.url, MODEL))
        (found,) = remote.answers(panel, [ask("1?")], Progress())
    assert remote.served.route == "chat/completions"
    assert (found.text, found.unfinished_thought, found.finished) == (HARM, False, True)


@pytest.mark.parametrize("content", ["", None])
def test_a_thought_that_never_ended_is_one(content):
    panel = panel_of("harmony", ["1?"])
    said = {"message": {"content": content, "reasoning": "or so"}, "finish_reason": "length"}
    with serving(reply=lambda prompt: said) as server:
        (found,) = RemoteModel(Endpoint(server.url, MODEL)).answers(panel, [ask("1?")], Progress())
    assert (found.text, found.unfinished_thought) == ("", True)


def test_a_thought_that_the_template_does_not_name_is_given_room():
    panel = panel_of("chatml", ["1?"])
    panel.template.thoughts = Thoughts()  # its tokens would name it
    thought = {"text": "<think>hm, ", "finish_reason": "length"}
    said = iter([thought, {"text": f"<think>hm, so.</think>{HARM}"}])
    with serving(reply=lambda prompt: next(said)) as server:
        (found,) = RemoteModel(Endpoint(server.url, MODEL)).answers(panel, [ask("1?")], Progress())
    assert [body["max_tokens"] for _, body in server.asked] == [32, 152]
    assert (found.text, found.unfinished_thought) == (HARM, False)


def test_an_answer_behind_a_thought_is_no_longer_than_a_local_one():
    panel = panel_of("qwen3", ["1?"], max_new_tokens=6)
    with serving(reply=lambda prompt: "<think>hm</think>" + HARM * 9) as server:
        (found,) = RemoteModel(Endpoint(server.url, MODEL)).answers(panel, [ask("1?")], Progress())
    assert 0 < len(panel.template.tokenizer(found.text).input_ids) <= 6
    assert not found.finished


def test_the_room_is_what_the_context_leaves():
    panel = panel_of("chatml", ["1?"])
    panel.template.context = len(panel.template.asked_ids(ask("1?"))) + 5
    asked = asked_of(panel, ask("1?"))
    assert (asked.most, asked.with_thought) == (5, 5)


def test_what_ends_an_answer_is_asked_for_and_cut_off():
    panel = panel_of("chatml", ["1?"])
    stops = stop_texts(panel.template, [*panel.template.end_ids, 10**9, 1])
    assert stops == ("</s>", "<|im_end|>")
    with serving(reply=lambda prompt: "Yes.<|im_end|>\n<|im_start|>user") as server:
        found = RemoteModel(Endpoint(server.url, MODEL)).answers(panel, [ask("1?")], Progress())
    assert [each.text for each in found] == ["Yes."]
    assert server.asked[0][1]["stop"] == list(stops)


def test_a_name_that_the_server_does_not_have_is_answered_with_those_that_it_has():
    panel = panel_of("chatml", ["1?"])
    with serving(routes=("models",)) as server, pytest.raises(EndpointError) as missing:
        RemoteModel(Endpoint(server.url, "user/other")).answers(panel, [ask("1?")], Progress())
    assert missing.value.id == "endpoint-not-found"
    assert MODEL in missing.value.hint


def test_a_failure_ends_all_and_leaves_the_rest_unasked():
    texts = [f"{n}?" for n in range(40)]
    panel = panel_of("chatml", texts)
    with serving(faults=[None, 400], delay=lambda prompt: 0.01) as server:
        remote = RemoteModel(Endpoint(server.url, MODEL, at_once=2, retries=0))
        with pytest.raises(EndpointError, match="broken with 400"):
            remote.answers(panel, [ask(each) for each in texts], Progress())
    assert len(server.asked) < 20


def test_a_failure_does_not_wait_for_what_the_server_still_thinks_about():
    texts, released = ["1?", "2?", "3?"], threading.Event()
    panel = panel_of("chatml", texts)

    def delay(prompt: str) -> float:
        released.wait(0.0 if "1?" in prompt else 30.0)
        return 0.0

    with serving(faults=[None, b'{"choices": []}'], delay=delay) as server:
        with pytest.raises(EndpointError):
            RemoteModel(Endpoint(server.url, MODEL, at_once=2)).answers(
                panel, [ask(each) for each in texts], Progress()
            )
        assert server.together, "one is not answered yet"
        released.set()


def test_nothing_is_asked_of_a_server_where_there_is_no_prompt():
    panel = panel_of("chatml", [])
    assert (
        RemoteModel(Endpoint("http://127.0.0.1:9/v1", MODEL)).answers(panel, [], Progress()) == []
    )
    assert Answer("", (), finished=True).unfinished_thought is None
