"""What may be rewritten in a kept file, and that nothing else passes for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelrepair.artifact.rewriting import follows, is_local, rewrite

LOCAL = [
    "/home/me/base",
    "~/base",
    "./base",
    "../base",
    "outputs/run/checkpoint-5",
    "D:\\models\\base",
    "\\\\server\\share\\base",
    "/content/drive/MyDrive/base",
    "my base",
]


def bytes_of(config) -> bytes:
    return (json.dumps(config, indent=2, ensure_ascii=False) + "\n").encode()


@pytest.mark.parametrize("path", LOCAL)
@pytest.mark.parametrize("key", ["_name_or_path", "name_or_path", "tokenizer_file"])
@pytest.mark.parametrize(
    "name",
    ["config.json", "tokenizer_config.json", "generation_config.json", "processor_config.json"],
)
def test_paths_of_a_machine_go(name, key, path):
    config = {"a": 1, key: path, "text_config": {key: path, "b": 2}, "c": "é"}
    new, note = rewrite(name, json.dumps(config).encode())
    assert new == bytes_of({"a": 1, "text_config": {"b": 2}, "c": "é"})
    assert key in note and path not in note
    assert follows(name, json.dumps(config).encode(), new, None)


def test_what_looks_like_an_id_and_is_a_folder_here_goes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = b'{"_name_or_path": "outputs/secret-project"}'
    assert rewrite("config.json", config) is None
    Path("outputs/secret-project").mkdir(parents=True)
    assert is_local("outputs/secret-project")
    assert rewrite("config.json", config)[0] == b"{}\n"


def test_ids_and_other_files_stay():
    config = b'{"_name_or_path": "org/base", "torch_dtype": "float32"}'
    assert rewrite("config.json", config) is None
    path = b'{"_name_or_path": "/home/me/base"}'
    for name in ("tokenizer.json", "vocab.json", "notes.json", "LICENSE"):
        assert rewrite(name, path) is None
    for broken in (b"", b"[]", b"{", b"\xff"):
        assert rewrite("config.json", broken) is None


def test_pointers_to_code_go_at_any_depth():
    config = {
        "auto_map": {"AutoConfig": "mine.Config"},
        "vision_config": {"auto_map": {"AutoConfig": "m.V"}, "d": [{"auto_map": {}, "e": 1}]},
    }
    new, note = rewrite("config.json", json.dumps(config).encode())
    assert json.loads(new) == {"vision_config": {"d": [{"e": 1}]}}
    assert note == "auto_map is gone: transformers has this layout"


def test_a_base_becomes_an_id_only_where_a_path_was():
    local = b'{"base_model_name_or_path": "/home/me/base", "r": 8}'
    new, _ = rewrite("adapter_config.json", local, "org/base")
    assert json.loads(new) == {"base_model_name_or_path": "org/base", "r": 8}
    assert follows("adapter_config.json", local, new, "org/base")
    assert not follows("adapter_config.json", local, new, "evil/base")
    named = b'{"base_model_name_or_path": "org/base", "r": 8}'
    assert rewrite("adapter_config.json", named, "evil/base") is None
    swapped = bytes_of({"base_model_name_or_path": "evil/base", "r": 8})
    assert not follows("adapter_config.json", named, swapped, "evil/base")
    assert not follows("config.json", local, new, "org/base")


@pytest.mark.parametrize(
    "new",
    [
        {"a": 2},
        {"a": 1, "b": 1},
        {"a": 1, "auto_map": {"AutoConfig": "other.Config"}},
        {"a": 1, "_name_or_path": "evil/model"},
        {},
        {"_name_or_path": "/home/me"},
    ],
)
def test_nothing_else_follows(new):
    old = {"a": 1, "auto_map": {"AutoConfig": "mine.Config"}, "_name_or_path": "/home/me"}
    assert not follows("config.json", bytes_of(old), bytes_of(new), None)


def test_only_our_own_spelling_follows():
    old = b'{"a": 1, "auto_map": {}}'
    assert follows("config.json", old, b'{\n  "a": 1\n}\n', None)
    for new in (b'{"a": 1}', b'{\n  "a": 2,\n  "a": 1\n}\n', b'{\n  "a": 1\n}'):
        assert not follows("config.json", old, new, None)


keys = st.sampled_from(["a", "auto_map", "_name_or_path", "name_or_path", "text_config"])
values = st.recursive(
    st.none() | st.integers(0, 3) | st.sampled_from([*LOCAL, "org/base", "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=12,
)
configs = st.dictionaries(keys, values, max_size=4)


@given(configs)
def test_what_is_rewritten_follows_and_is_done_once(config):
    old = json.dumps(config).encode()
    made = rewrite("config.json", old)
    if made is not None:
        assert follows("config.json", old, made[0], None)
        assert rewrite("config.json", made[0]) is None
