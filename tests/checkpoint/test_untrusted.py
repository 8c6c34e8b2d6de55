"""What a stranger wrote: links, pipes, sizes, and JSON that two readers take differently."""

from __future__ import annotations

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelrepair.checkpoint.untrusted import (
    find_file,
    model_roots,
    parse_json,
    read_file,
    read_json,
)
from modelrepair.errors import DamagedCheckpointError

SECRET = "hf_canary_of_this_machine"


@pytest.fixture
def model(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "token").write_text(SECRET)
    folder = tmp_path / "model"
    folder.mkdir()
    return folder


def refused(folder, name, match):
    with pytest.raises(DamagedCheckpointError, match=match):
        read_file(folder, name)


@pytest.mark.parametrize("target", ["../elsewhere/token", "/etc/hostname", "inner"])
def test_a_link_out_of_the_folder_is_not_followed(model, target):
    (model / "inner").symlink_to("../elsewhere/token")
    (model / "README.md").symlink_to(target)
    refused(model, "README.md", "leaves the model's folder")


def test_a_folder_that_is_a_link_out_is_not_entered(model):
    (model / "sub").symlink_to("../elsewhere")
    refused(model, "sub/token", "leaves the model's folder")


def test_links_inside_the_folder_are_followed(model):
    (model / "real.json").write_text("{}")
    (model / "sub").mkdir()
    (model / "sub" / "config.json").symlink_to("../real.json")
    assert read_json(model, "sub/config.json") == {}
    (model.parent / "named").symlink_to(model)
    assert read_json(model.parent / "named", "sub/config.json") == {}


def test_a_snapshot_follows_its_own_blobs_and_from_there_the_shared_store(model, tmp_path):
    hub = tmp_path / "hub"
    snapshot = hub / "models--a--b" / "snapshots" / "c0ffee"
    snapshot.mkdir(parents=True)
    for name in ("blobs", "models--a--b/blobs", "models--c--d/blobs"):
        (hub / name).mkdir(parents=True)
        (hub / name / "x").write_text(name)
    (snapshot / "own").symlink_to("../../blobs/x")
    (hub / "models--a--b" / "blobs" / "y").symlink_to("../../blobs/x")
    (snapshot / "shared").symlink_to("../../blobs/y")
    assert read_file(snapshot, "own") == b"models--a--b/blobs"
    assert read_file(snapshot, "shared") == b"blobs"
    (snapshot / "foreign").symlink_to("../../../models--c--d/blobs/x")
    refused(snapshot, "foreign", "leaves")
    (snapshot / "straight").symlink_to("../../../blobs/x")
    refused(snapshot, "straight", "leaves")
    assert len(model_roots(snapshot)) == 2


@pytest.mark.parametrize("name", ["", "/etc/hostname", "../x", "a/../../x", "a\\b", "C:x", "a\nb"])
def test_names_that_leave(model, name):
    refused(model, name, "lies outside")


def test_what_is_no_plain_file(model):
    os.mkfifo(model / "pipe")
    refused(model, "pipe", "no plain file")
    (model / "folder").mkdir()
    refused(model, "folder", "no plain file")
    (model / "dangling").symlink_to("nothing")
    refused(model, "dangling", "link to nothing")
    (model / "loop").symlink_to("loop")
    refused(model, "loop", "without an end")
    (model / "a").symlink_to("b")
    (model / "b").symlink_to("a")
    refused(model, "a", "without an end")
    assert find_file(model, "missing") is None
    assert find_file(model, "missing/below") is None


def test_a_file_over_its_limit(model):
    with (model / "README.md").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(DamagedCheckpointError, match="more than such a file can need"):
        read_file(model, "README.md")


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "a": 2}',
        '{"x": {"a": 1, "a": 1}}',
        "[NaN]",
        "[-Infinity]",
        "[1e999]",
        "9" * 400,
        "9" * 5000,
        "[" * 100 + "]" * 100,
        "[" * 100_000,
        "",
        "{",
        "\ufeff\ufeff{}",
    ],
)
def test_strict_json(text):
    with pytest.raises(DamagedCheckpointError, match=r"a\.json"):
        parse_json(text.encode(), "a.json", strict=True)


def test_json_that_real_models_hold():
    text = b'\xef\xbb\xbf{"model_max_length": 1000000000000000019884624838656, "x": [Infinity]}'
    assert parse_json(text, "tokenizer_config.json")["model_max_length"] > 2**90


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_what_json_writes_is_read_back(value):
    assert parse_json(json.dumps(value).encode(), "a.json", strict=True) == value


@given(st.binary(max_size=64))
def test_no_bytes_end_in_another_error(data):
    try:
        parse_json(data, "a.json", strict=True)
    except DamagedCheckpointError as error:
        assert "\n" not in str(error)
