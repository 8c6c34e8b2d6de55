"""What a card says the model is for, against its files."""

from __future__ import annotations

import pytest

from modelrepair.auditing.metadata.card import CHECKS, architectures
from modelrepair.auditing.opened import opened
from tests.support.auditing import CONFIG, ask, card, document, model, write

LIBRARY, TASK = CHECKS


def made(tmp_path, classes=("LlamaForCausalLM",), **front):
    config = document({**CONFIG, "architectures": classes})
    return write(tmp_path / "m", model(**{"README.md": card(**front), "config.json": config}))


@pytest.mark.parametrize(
    ("library", "outcome"),
    [
        (None, "clear"),
        ("transformers", "clear"),
        ("peft", "found"),
        ("gguf", "found"),
        ("sentence-transformers", "found"),
        ("a library of mine", "inconclusive"),
    ],
)
def test_a_library_that_the_files_are_not_for_is_found(tmp_path, library, outcome):
    front = {} if library is None else {"library_name": library}
    assert ask(LIBRARY, made(tmp_path, **front)).outcome == outcome


@pytest.mark.parametrize(
    ("task", "classes", "outcome"),
    [
        (None, ["LlamaForCausalLM"], "clear"),
        ("text-generation", ["LlamaForCausalLM"], "clear"),
        ("text-classification", ["LlamaForCausalLM"], "found"),
        ("text-generation", ["LlamaForSequenceClassification"], "found"),
        ("text-classification", ["LlamaForSequenceClassification"], "clear"),
        ("text-generation", ["MyOwn"], "inconclusive"),
        ("text-generation", None, "inconclusive"),
        ("audio-magic", ["LlamaForCausalLM"], "inconclusive"),
    ],
)
def test_a_task_that_the_classes_are_not_for_is_found(tmp_path, task, classes, outcome):
    front = {} if task is None else {"pipeline_tag": task}
    finding = ask(TASK, made(tmp_path, classes, **front))
    assert finding.outcome == outcome, finding.message


def test_classes_are_text_that_can_be_shown(tmp_path):
    with opened(made(tmp_path, ["A\u202eB", 7, None])) as target:
        assert architectures(target) == ["A\\u202eB"]
