"""Files that are written whole or not at all: beside, synced, then renamed."""

from __future__ import annotations

import errno
import hashlib
import json
import os

import pytest

from modelrepair.checkpoint import atomic, writer
from modelrepair.errors import ResourceError


def test_text_and_json(tmp_path):
    path = tmp_path / "manifest.json"
    digest = atomic.write_json(path, {"b": "ü", "a": [1, None]})
    assert json.loads(path.read_text(encoding="utf-8")) == {"b": "ü", "a": [1, None]}
    assert list(json.loads(path.read_bytes())) == ["b", "a"] and path.read_bytes().endswith(b"}\n")
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(ValueError, match="JSON"):
        atomic.write_json(path, float("nan"))
    assert atomic.write_bytes(path, (b"a", b"b")) == hashlib.sha256(b"ab").hexdigest()
    assert path.read_bytes() == b"ab"


@pytest.mark.parametrize(
    ("number", "match"),
    [(errno.ENOSPC, "the disk is full: 'out'"), (errno.EACCES, "'out' can't be read or written")],
)
def test_a_disk_that_fails_leaves_nothing(tmp_path, monkeypatch, number, match):
    def fail(_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(ResourceError, match=match) as error:
        atomic.write_text(tmp_path / "out", "text")
    assert error.value.hint and list(tmp_path.iterdir()) == []


def test_an_interruption_leaves_the_old_file(tmp_path):
    def pieces():
        yield b"half"
        raise KeyboardInterrupt

    atomic.write_text(tmp_path / "out", "old")
    with pytest.raises(KeyboardInterrupt):
        atomic.write_bytes(tmp_path / "out", pieces())
    assert (tmp_path / "out").read_text() == "old" and len(list(tmp_path.iterdir())) == 1


def test_missing_folders_and_sources(tmp_path):
    with pytest.raises(ResourceError, match="'out' can't be read or written: No such file"):
        atomic.write_text(tmp_path / "nowhere" / "out", "text")
    with pytest.raises(ResourceError, match="'gone' can't be read or written") as error:
        writer.copy_file(tmp_path / "gone", tmp_path / "out")
    assert str(tmp_path) not in str(error.value)


def test_two_folders_exchange_their_names_in_one_step(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
        (folder / "name").write_text(folder.name)
    assert atomic.exchange(one, two)
    assert [(each / "name").read_text() for each in (one, two)] == ["two", "one"]
    assert not atomic.exchange(one, tmp_path / "nowhere")
    assert (one / "name").read_text() == "two"
