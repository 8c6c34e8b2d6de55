"""Which files of a folder or a repository are the weights, and which choices are refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.checkpoint.weight_files import (
    ADAPTER,
    ADAPTER_CONFIG,
    INDEX,
    WEIGHTS,
    check_one_model,
    weight_file,
    weight_files,
)
from modelrepair.errors import DamagedCheckpointError, UnsupportedModelError
from tests.support.shards import refused, write_shards


def test_the_only_safetensors_file_is_the_model(tmp_path):
    save_file({"w": np.ones(1)}, tmp_path / "weights.safetensors")
    (tmp_path / "config.json").touch()
    assert Checkpoint.open(tmp_path).files == ("weights.safetensors",)
    save_file({"w": np.ones(1)}, tmp_path / "more.safetensors")
    refused(tmp_path, "2 safetensors files", UnsupportedModelError)


def test_two_sets_of_weights(tmp_path):
    write_shards(tmp_path)
    save_file({"w": np.ones(1)}, tmp_path / "model.safetensors")
    refused(tmp_path, "two sets of weights", UnsupportedModelError)
    (tmp_path / INDEX).write_text('{"weight_map": {"w": "model.safetensors"}}')
    assert Checkpoint.open(tmp_path).files == ("model.safetensors",)


@pytest.mark.parametrize(
    "index",
    [
        *("", "[]", "{}", "[" * 100_000, "\xff"),
        *('{"weight_map": []}', '{"weight_map": {}}', '{"weight_map": {"w": 1}}'),
        '{"weight_map": {"w": "a.safetensors", "v": null}}',
    ],
)
def test_a_malformed_index(tmp_path, index):
    (tmp_path / INDEX).write_text(index, encoding="latin-1")
    refused(tmp_path, "is no index")


def test_an_index_that_its_shards_contradict(tmp_path):
    write_shards(tmp_path)
    index = json.loads((tmp_path / INDEX).read_text())
    index["weight_map"]["c"] = "model-00001-of-00002.safetensors"
    index["weight_map"]["d"] = "model-00002-of-00002.safetensors"
    (tmp_path / INDEX).write_text(json.dumps(index))
    refused(tmp_path, "holds 'c', but it does not")
    (tmp_path / "model-00002-of-00002.safetensors").unlink()
    refused(tmp_path, "'model-00002-of-00002.safetensors' is missing")


def test_a_shard_of_another_format(tmp_path):
    (tmp_path / INDEX).write_text('{"weight_map": {"w": "pytorch_model.bin"}}')
    refused(tmp_path, "no safetensors file", UnsupportedModelError)


def test_links(tmp_path):
    folder, elsewhere = tmp_path / "model", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    save_file({"w": np.ones(1)}, elsewhere / "x.safetensors")
    link = folder / "model.safetensors"
    link.symlink_to(elsewhere / "x.safetensors")
    refused(folder, "leaves the model's folder")
    link.unlink()
    (folder / "sub").symlink_to(elsewhere)
    with pytest.raises(DamagedCheckpointError, match="leaves the model's folder"):
        weight_file(folder, "sub/x.safetensors")
    link.symlink_to("model.safetensors")
    refused(folder, "without an end")
    link.unlink()
    link.symlink_to("inside.safetensors")
    refused(folder, "link to nothing")
    save_file({"w": np.ones(1)}, folder / "inside.safetensors")
    assert Checkpoint.open(folder).files == ("model.safetensors",)


def test_a_snapshot_of_the_hugging_face_cache(tmp_path):
    cache = tmp_path / "models--user--model"
    snapshot = cache / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (cache / "blobs").mkdir()
    save_file({"w": np.ones(1)}, cache / "blobs" / "0123")
    link = snapshot / "model.safetensors"
    link.symlink_to("../../blobs/0123")
    assert Checkpoint.open(snapshot).raw("w").shape == (1,)
    link.unlink()
    save_file({"w": np.ones(1)}, cache / "refs.safetensors")
    link.symlink_to("../../refs.safetensors")
    refused(snapshot, "leaves the model's folder")


SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")


@pytest.mark.parametrize("listed", [None, [*reversed(SHARDS), INDEX, "config.json"]])
def test_an_index_gives_the_shards_in_order_here_and_of_a_repository(tmp_path, listed):
    """Of a repository only the index is here; its shards are known by their names."""
    tensors = write_shards(tmp_path)
    if listed is not None:
        for name in SHARDS:
            (tmp_path / name).unlink()
    found = weight_files(tmp_path, listed)
    assert (found.files, found.index) == (SHARDS, INDEX)
    assert found.weight_map.keys() == tensors.keys()


def test_a_repository_without_a_shard_of_its_index_is_refused_by_its_name(tmp_path):
    write_shards(tmp_path)
    with pytest.raises(DamagedCheckpointError, match=r"which .* of user/model names") as error:
        weight_files(tmp_path, [SHARDS[0], INDEX], "user/model")
    assert str(error.value).startswith(repr(SHARDS[1]))
    assert error.value.hint.endswith("`hf upload`")


@given(st.sets(st.sampled_from([WEIGHTS, ADAPTER, "one.safetensors", "sub/two.safetensors"])))
def test_the_weights_of_a_repository_follow_from_its_names(names):
    """The usual names come first, then a single file of another name; none below the top."""
    usual = [name for name in (WEIGHTS, ADAPTER, "one.safetensors") if name in names]
    if usual:
        found = weight_files(None, names, "user/model")
        assert (found.files, found.index, found.weight_map) == ((usual[0],), None, {})
    else:
        with pytest.raises(UnsupportedModelError, match="user/model holds no weights"):
            weight_files(None, names, "user/model")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ((ADAPTER_CONFIG, ADAPTER, WEIGHTS), r"a whole model \(model\.safetensors\) and an"),
        ((ADAPTER_CONFIG, ADAPTER, INDEX), r"a whole model \(model\.safetensors\.index\.json\)"),
        ((ADAPTER_CONFIG, "adapter_model.bin"), "only adapter_model.bin, a pickle"),
        ((ADAPTER_CONFIG, "model-1.safetensors"), "without adapter_model.safetensors: no weights"),
    ],
)
def test_an_adapter_is_one_thing_and_has_its_weights(names, said):
    with pytest.raises(UnsupportedModelError, match=said):
        check_one_model(names, "user/model")
    check_one_model(names[1:], "user/model")
    check_one_model((ADAPTER_CONFIG, ADAPTER), "user/model")


def test_a_weight_file_that_is_missing_is_named(tmp_path):
    with pytest.raises(DamagedCheckpointError, match=r"'a\.safetensors' is missing"):
        weight_file(tmp_path, "a.safetensors")
    (tmp_path / "a.safetensors").touch()
    assert weight_file(tmp_path, "a.safetensors") == tmp_path / "a.safetensors"


def test_folders_without_safetensors(tmp_path):
    refused(tmp_path / "nothing", "there is no folder 'nothing'", UnsupportedModelError)
    refused(tmp_path, "holds no weights", UnsupportedModelError)
    # If it were opened, this file would be an error of another kind.
    (tmp_path / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    refused(tmp_path, "holds no weights", UnsupportedModelError)


@pytest.mark.parametrize(
    "name",
    [
        *("../x.safetensors", "a/../../x.safetensors", "..\\x.safetensors"),
        *("C:x.safetensors", "a\n.safetensors", "a\0.safetensors"),
    ],
)
def test_a_shard_outside_the_folder(tmp_path, name):
    folder = tmp_path / "model"
    folder.mkdir()
    save_file({"w": np.ones(1)}, tmp_path / "x.safetensors")
    for file in (name, str(tmp_path / "x.safetensors")):
        (folder / INDEX).write_text(json.dumps({"weight_map": {"w": file}}))
        with pytest.raises(DamagedCheckpointError, match="outside") as error:
            Checkpoint.open(folder)
        assert str(error.value).isprintable()
