"""Which names a repository can have, and the nearest one that it can."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelrepair.source.address import id_for, is_id

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
