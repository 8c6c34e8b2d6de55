"""Packed files of rows: what is unpacked, what is left alone, and what is refused."""

from __future__ import annotations

import re
import zipfile

import pyarrow
import pytest

from modelrepair.errors import ExampleSetError
from modelrepair.examples.load import load_set
from modelrepair.examples.packed import members, open_zstandard
from tests.support.set_files import zipped


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (zipped({"README.md": b"Mine."}), "set.zip: an archive without a file of rows"),
        (zipped({"a.jsonl": b"{}\n" * 99})[:-30], "set.zip: can't be unpacked: "),
        (b"no archive", "set.zip: can't be unpacked: File is not a zip file"),
        (zipped({"a.jsonl": b"{"}), "set.zip/a.jsonl, line 1: not JSON"),
        (zipped({"a.jsonl": b" " * 5000}), "set.zip: can't be unpacked: over 4,096 bytes in one"),
    ],
)
def test_an_archive_that_can_not_be_read(tmp_path, monkeypatch, data, said):
    monkeypatch.setattr("modelrepair.examples.packed.LARGEST_MEMBER", 4096)
    monkeypatch.setattr("modelrepair.examples.packed.PIECE", 1024)
    (tmp_path / "set.zip").write_bytes(data)
    with pytest.raises(ExampleSetError, match=re.escape(said)):
        load_set(tmp_path / "set.zip", "realign")


def test_wanted_members_come_in_the_order_of_their_names_each_for_as_long_as_it_is_read(tmp_path):
    files = {"b/two.jsonl": b"second", "a/one.jsonl": b"first", "notes.md": b"no rows", "c/": b""}
    (tmp_path / "set.zip").write_bytes(zipped(files))
    found, places = [], []
    for name, place in members(tmp_path / "set.zip", lambda name: not name.endswith(".md")):
        assert not any(before.exists() for before in places)
        found.append((name, place.name, place.read_bytes()))
        places.append(place)
    assert found == [
        ("a/one.jsonl", "one.jsonl", b"first"),
        ("b/two.jsonl", "two.jsonl", b"second"),
    ]
    assert not any(place.parent.exists() for place in places)


@pytest.mark.parametrize("name", ["../../rows.jsonl", "/tmp/rows.jsonl", "a/../../rows.jsonl"])
def test_a_member_s_path_does_not_say_where_it_is_unpacked(tmp_path, name):
    (tmp_path / "set.zip").write_bytes(zipped({name: b"{}"}))
    before = {*tmp_path.parent.rglob("*")}
    for shown, place in members(tmp_path / "set.zip", lambda name: True):
        assert shown == name
        assert tmp_path not in place.parents
        assert place.parent.name.startswith("modelrepair-") and [*place.parent.iterdir()] == [place]
    assert {*tmp_path.parent.rglob("*")} == before


def test_a_member_of_the_largest_size_is_unpacked_and_one_byte_more_is_refused(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("modelrepair.examples.packed.LARGEST_MEMBER", 64)
    (tmp_path / "fits.zip").write_bytes(zipped({"a": b"x" * 64}))
    assert [place.stat().st_size for _, place in members(tmp_path / "fits.zip", bool)] == [64]
    (tmp_path / "large.zip").write_bytes(zipped({"a": b"x" * 65}))
    with pytest.raises(ValueError, match="over 64 bytes in one file"):
        list(members(tmp_path / "large.zip", bool))


def test_a_member_with_a_password_is_refused(tmp_path):
    data = bytearray(zipped({"a.jsonl": b"{}"}))
    data[6] |= 1  # of its own header
    data[data.index(b"PK\x01\x02") + 8] |= 1  # of the archive's list
    (tmp_path / "set.zip").write_bytes(data)
    with pytest.raises(ValueError, match="is encrypted, password required"):
        list(members(tmp_path / "set.zip", bool))
    assert zipfile.is_zipfile(tmp_path / "set.zip")


def test_what_zstandard_packed_is_read_line_by_line(tmp_path):
    (tmp_path / "set.jsonl.zst").write_bytes(pyarrow.compress(b"one\ntwo\n", "zstd", asbytes=True))
    with open_zstandard(tmp_path / "set.jsonl.zst") as stream:
        assert [*stream] == [b"one\n", b"two\n"]
    with pytest.raises(FileNotFoundError):
        open_zstandard(tmp_path / "missing.zst")
