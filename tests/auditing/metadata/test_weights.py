"""Which weight files a loader takes, and which lie beside them."""

from __future__ import annotations

import pytest

from modelrepair.auditing.metadata.weights import CHECKS, indexed
from modelrepair.auditing.opened import opened
from tests.support.auditing import ask, document, model, tensors, write

INDEX_LIES, TWO_SETS, UNNAMED, UNREAD = CHECKS
INDEX = "model.safetensors.index.json"
SHARD = "model-00001-of-00001.safetensors"


def sharded(*named, **more):
    index = document({"weight_map": {f"t{n}": name for n, name in enumerate(named)}})
    return model(**{"model.safetensors": None, INDEX: index, SHARD: tensors(), **more})


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check[0].name)
def test_one_set_of_weights_is_clear(tmp_path, check):
    assert ask(check, write(tmp_path / "one", model())).outcome == "clear"
    assert ask(check, write(tmp_path / "many", sharded(SHARD))).outcome == "clear"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("../up.safetensors", "outside"),
        ("/abs.safetensors", "outside"),
        ("c:\\x.safetensors", "outside"),
        ("pytorch_model.bin", "no safetensors"),
        ("gone.safetensors", "not there"),
    ],
)
def test_an_index_that_names_what_is_not_there_is_found(tmp_path, name, why):
    found = ask(INDEX_LIES, write(tmp_path / "m", sharded(SHARD, name)))
    assert found.outcome == "found" and why in found.evidence["bad"][name.replace("\\", "\\")]


@pytest.mark.parametrize("text", [b"{}", b"[]", b"{", b'{"weight_map": {"a": 1}}'])
def test_an_index_that_is_none_is_found(tmp_path, text):
    assert ask(INDEX_LIES, write(tmp_path / "m", sharded(**{INDEX: text}))).outcome == "found"


def test_an_index_on_the_hub_that_can_not_be_fetched_is_inconclusive(hub):
    hub.add("me/m", sharded(SHARD))
    assert ask(INDEX_LIES, "me/m").outcome == "clear"
    hub.fail("GET", "index.json", 403)
    assert ask(INDEX_LIES, "me/m").outcome == "inconclusive"


def test_two_sets_of_weights_are_found(tmp_path):
    both = sharded(SHARD, **{"model.safetensors": tensors()})
    assert ask(TWO_SETS, write(tmp_path / "a", both)).outcome == "found"
    adapter = model(**{"adapter_config.json": b"{}"})
    assert ask(TWO_SETS, write(tmp_path / "b", adapter)).outcome == "found"
    alone = sharded("model.safetensors", **{"model.safetensors": tensors(), SHARD: None})
    assert ask(TWO_SETS, write(tmp_path / "c", alone)).outcome == "clear"


def test_a_weight_file_that_nothing_names_is_found(tmp_path):
    more = {"extra.safetensors": tensors()}
    assert ask(UNNAMED, write(tmp_path / "a", sharded(SHARD, **more))).files == tuple(more)
    assert ask(UNNAMED, write(tmp_path / "b", model(**more))).files == tuple(more)
    strange = model(**{"model.safetensors": None, "x.safetensors": b"", "y.safetensors": b""})
    assert ask(UNNAMED, write(tmp_path / "c", strange)).outcome == "inconclusive"


def test_weights_that_are_not_looked_at_are_named(tmp_path):
    more = {"a.gguf": b"", "checkpoint-5/model.safetensors": b"", "pytorch_model.bin": b"",
            "repair/mask.safetensors": b"", "notes.txt": b""}  # fmt: skip
    found = ask(UNREAD, write(tmp_path / "m", model(**more)))
    assert found.files == ("a.gguf", "checkpoint-5/model.safetensors", "pytorch_model.bin")


def test_the_files_of_an_index_come_in_order_and_once(tmp_path):
    with opened(write(tmp_path / "m", sharded("b", "a", "b"))) as target:
        assert indexed(target) == ["a", "b"]
