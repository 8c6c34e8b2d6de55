"""Names of files as text that every file of ours can hold."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import modelrepair
from modelrepair.text.readable import all_readable, readable, readable_path

ANY = st.text(st.characters(codec=None))


@settings(max_examples=40)
@given(ANY)
def test_whatever_it_is_it_can_be_written(text):
    shown = readable(text)
    shown.encode()
    assert readable(shown) == shown


@settings(max_examples=40)
@given(st.text(st.characters(codec="utf-8")))
def test_what_can_be_written_stays(text):
    assert readable(text) == text


@settings(max_examples=40)
@given(st.recursive(ANY | st.integers(), lambda x: st.lists(x) | st.dictionaries(ANY, x)))
def test_a_whole_document(value):
    repr(all_readable(value)).encode()


def test_a_path_leads_to_the_same_folder_while_it_is_used(tmp_path):
    folder = tmp_path / os.fsdecode(b"mod\xe8le")
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    with readable_path(folder) as path:
        str(path).encode()
        assert (path / "config.json").read_text() == "{}"
    assert not path.exists()
    assert (folder / "config.json").exists()
    with readable_path(Path("model")) as path:
        assert path == Path("model")


@pytest.mark.parametrize("missing", [["symlink_to"], ["symlink_to", "os.link"]], ids=str)
def test_so_it_does_where_the_disk_has_no_links(tmp_path, monkeypatch, missing):
    def refuse(*_, **__):
        raise OSError(1314, "A required privilege is not held by the client")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    if "os.link" in missing:
        monkeypatch.setattr(os, "link", refuse)
    folder = tmp_path / os.fsdecode(b"mod\xe8le")
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "config.json").write_text("{}")
    with readable_path(folder) as path:
        str(path).encode()
        assert (path / "inner" / "config.json").read_text() == "{}"
    assert not path.exists()
    assert (folder / "inner" / "config.json").read_text() == "{}"


def test_no_file_is_read_in_the_encoding_of_a_locale():
    for path in sorted(Path(modelrepair.__file__).parent.rglob("*.py")):
        lines = path.read_text(encoding="utf-8").splitlines()
        assert not [line for line in lines if ".read_text()" in line and ">>>" not in line], path
