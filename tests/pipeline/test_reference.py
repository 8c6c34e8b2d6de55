"""A reference that lacks the tokens of the source's template is asked under its own."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest
import torch
from transformers import AutoTokenizer

from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.demo import paths
from modelrepair.errors import UnsupportedModelError
from modelrepair.examples.example import Example, Message
from modelrepair.examples.splits import Split
from modelrepair.examples.template import Template
from modelrepair.pipeline.reference import with_tokens
from modelrepair.preflight.model import Model
from modelrepair.progress import Notes
from modelrepair.settings.settings import Settings
from modelrepair.source.resolve import resolve

ADDED = "<|added|>"


def bench(*, used: bool, **settings):
    """A bench whose tokenizer has a token more than the reference, used by its template or not."""
    tokenizer = AutoTokenizer.from_pretrained(paths.reference)
    words = Checkpoint.open(paths.reference).entries["model.embed_tokens.weight"].shape[0]
    tokenizer.add_tokens([f"<|pad {i}|>" for i in range(words - len(tokenizer))] + [ADDED])
    if used:
        tokenizer.chat_template = f"{ADDED}{tokenizer.chat_template}"
    example = Example((Message("user", "ba"),), "be")
    return SimpleNamespace(
        settings=Settings(str(paths.attacked), **settings),
        panel=SimpleNamespace(
            template=Template(tokenizer, 256, len(tokenizer)),
            splits=SimpleNamespace(sets={"realign": Split((), (example,), (example,))}),
        ),
        device=torch.device("cpu"),
        notes=Notes(),
    )


def model(folder):
    return Model(resolve(folder), Checkpoint.open(folder))


def test_tokens_that_nothing_uses_change_nothing():
    made = bench(used=False)
    found = with_tokens(made, model(paths.reference))
    assert not made.notes.warnings
    assert found.template.source == made.panel.template.source
    assert found.template.vocabulary < made.panel.template.vocabulary


def test_a_template_with_an_added_token_is_left_to_the_source():
    made = bench(used=True)
    found = with_tokens(made, model(paths.reference))
    assert ADDED in made.panel.template.source
    assert ADDED not in found.template.source
    (warning,) = made.notes.warnings
    assert "lacks tokens" in warning and "its own chat template" in warning


def test_without_a_tokenizer_it_is_refused_where_it_was_named_and_else_not_used(tmp_path):
    folder = shutil.copytree(paths.reference, tmp_path / "reference")
    for path in folder.glob("*token*"):
        path.unlink()
    named = bench(used=True, reference=str(folder))
    with pytest.raises(UnsupportedModelError, match="lacks tokens"):
        with_tokens(named, model(folder))
    made = bench(used=True)
    assert with_tokens(made, model(folder)) is None
    assert "it is not used" in made.notes.warnings[-1]
