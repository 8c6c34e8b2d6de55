"""Whether two models hold the same file, before it is fetched."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from modelrepair.auditing.opened import opened
from modelrepair.auditing.structure.digests import read_small, same_bytes
from modelrepair.errors import InconclusiveError
from tests.support.auditing import model, write


def same(one, other, name):
    with ExitStack() as stack:
        a, b = (stack.enter_context(opened(each)) for each in (one, other))
        return same_bytes(a, b, name), a.fetched + b.fetched


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer.model"])
def test_on_the_hub_and_in_a_folder_nothing_is_fetched(hub, tmp_path, name):
    for id, data in (("me/a", b"one"), ("me/b", b"one"), ("me/c", b"two")):
        hub.add(id, model(**{name: data}))
    folder = write(tmp_path / "m", model(**{name: b"one"}))
    for one, other, equal in (("me/a", "me/b", True), ("me/a", "me/c", False),
                              (folder, "me/a", True), ("me/c", folder, False),
                              (folder, folder, True)):  # fmt: skip
        assert same(one, other, name) == (equal, 0)
    assert same("me/a", "me/b", "absent") == (True, 0)
    hub.add("me/none", model())
    assert same("me/none", "me/a", name) == (False, 0)


def test_a_large_file_is_read_where_it_leaves_half_of_the_budget(hub):
    hub.add("me/m", model(**{"tokenizer.json": b"x" * 1000}))
    with opened("me/m", budget=2000) as target:
        assert len(read_small(target, "tokenizer.json")) == 1000
        assert read_small(target, "absent.json") is None
    with opened("me/m", budget=1999) as target, pytest.raises(InconclusiveError) as raised:
        read_small(target, "tokenizer.json")
    assert raised.value.hint == "--budget 2000 reads it"
