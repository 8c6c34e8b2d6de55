"""Digests are those of the bytes."""

from __future__ import annotations

import hashlib

from modelrepair.checkpoint.digests import digests, sha256_file


def test_digests_of_files(tmp_path):
    data = bytes(range(256)) * 5000
    (tmp_path / "b").write_bytes(data)
    (tmp_path / "a").write_bytes(b"")
    assert sha256_file(tmp_path / "b") == hashlib.sha256(data).hexdigest()
    assert list(digests(tmp_path, ["b", "a"])) == ["a", "b"]
