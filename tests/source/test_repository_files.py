"""What a repository holds against what it is to hold: by SHA-256, or by the name of git's blob."""

from __future__ import annotations

import hashlib
import subprocess

import pytest

from modelrepair.source.repository_files import Remote, blob_of, list_remote

SMALL, LARGE = b"a card\r\n", b"weights\x00" * 9


@pytest.fixture
def remote():
    large = hashlib.sha256(LARGE).hexdigest()
    return Remote("c", {"README.md": (blob_of(SMALL), False), "model.safetensors": (large, True)})


@pytest.mark.parametrize("content", [b"", SMALL, LARGE])
def test_a_blob_has_the_name_that_git_gives_it(content):
    named = subprocess.run(["git", "hash-object", "--stdin"], input=content, capture_output=True)
    assert blob_of(content) == named.stdout.decode().strip()


@pytest.mark.parametrize(("path", "content"), [("README.md", SMALL), ("model.safetensors", LARGE)])
def test_only_the_same_bytes_under_the_same_name_are_held(remote, tmp_path, path, content):
    file = tmp_path / "file"
    file.write_bytes(content)
    assert remote.holds(path, content) and not remote.differs(path, file)
    assert not remote.holds("other", content) and remote.differs("other", file)
    file.write_bytes(content + b"\n")
    assert not remote.holds(path, content + b"\n") and remote.differs(path, file)


def test_a_known_digest_replaces_reading_a_large_file_and_no_other(remote, tmp_path):
    file = tmp_path / "absent"
    assert not remote.differs("model.safetensors", file, hashlib.sha256(LARGE).hexdigest())
    assert remote.differs("model.safetensors", file, "0" * 64)
    file.write_bytes(SMALL)
    assert not remote.differs("README.md", file, "0" * 64), "git's blobs are known otherwise"


def test_a_listing_has_every_file_at_one_commit(hub):
    files = {"README.md": SMALL, "deep/er/model.safetensors": LARGE}
    commit = hub.add("user/model", files)
    found = list_remote("user/model", "main")
    assert found.commit == commit
    assert all(found.holds(path, content) for path, content in files.items())
    assert {path: found.sizes[path] for path in files} == {
        path: len(content) for path, content in files.items()
    }
