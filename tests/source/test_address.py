"""Which names a repository can have, and the nearest one that it can."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelrepair.artifact.manifest import Origin
from modelrepair.errors import UsageError
from modelrepair.examples.hub import parse_id
from modelrepair.publishing.destination import find_destination
from modelrepair.publishing.options import PushOptions, check_id
from modelrepair.publishing.visibility import Upstream
from modelrepair.source.address import id_for, is_id
from modelrepair.source.resolve import resolve

ODD = [
    "my model", "modèle", "模型", "a--b", "a..b", "-a", "a-", ".a", "a.", "x" * 97, "a.git",
    "a/b/c", "", "a b/c", "con?",
]  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_no_id(name):
    assert not is_id(name)
    assert is_id(id_for(name)), id_for(name)
    assert is_id(id_for(name, "-repaired"))
    assert id_for(name, "-repaired").endswith("-repaired")


@given(st.text(max_size=120), st.sampled_from(["", "-repaired"]))
def test_a_suggestion_always_does(text, suffix):
    assert is_id(id_for(text, suffix))


@pytest.mark.parametrize("name", ["model", "user/model", "user/My_model-1.5", "CON"])
def test_an_id_is_suggested_as_it_is(name):
    assert is_id(name)
    assert id_for(name) == name


@pytest.mark.parametrize("name", ["my model", "modèle", "a--b", "x" * 90, "..a"])
def test_a_folder_that_names_no_repository_is_refused_before_the_work(name):
    upstream = Upstream(Origin(id="x", hub=False), named=(), held=())
    with pytest.raises(UsageError, match="can name no repository") as caught:
        find_destination(upstream, PushOptions(), name)
    assert f"--to {id_for(name, '-repaired')}" in caught.value.hint


def test_the_same_rule_everywhere(monkeypatch):
    with pytest.raises(UsageError, match="no id on the Hub") as caught:
        check_id("my model")
    assert "my-model is one" in caught.value.hint
    for text in ("org/a--b", "org/a..b:train", f"org/{'x' * 97}", "org/modèle"):
        assert parse_id(text) is None
    for offline in (False, True):
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", offline)
        with pytest.raises(UsageError, match="neither a folder here nor an id"):
            resolve("org/a--b")
