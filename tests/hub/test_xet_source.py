"""A source that comes by Xet lies in a store that all repositories of the cache share."""

from __future__ import annotations

from huggingface_hub import CommitOperationAdd, HfApi, hf_hub_download

from modelrepair.checkpoint.kept_files import classify
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.source.resolve import resolve
from tests.support.hub.client import point_at
from tests.support.hub.repaired import files_of
from tests.support.hub.server import serve
from tests.support.small_repairs import make_checkpoint


def test_it_is_opened_and_none_of_its_files_is_taken_for_a_stranger(monkeypatch, tmp_path):
    folder = make_checkpoint(tmp_path / "made", sharded=True)
    with serve(tmp_path / "store") as hub:
        point_at(hub, monkeypatch, tmp_path, xet=True)
        monkeypatch.setenv("HF_TOKEN", hub.token)
        api = HfApi()
        api.create_repo("me/model")
        files = {name: data for name, data in files_of(folder).items() if name != "README.md"}
        adds = [CommitOperationAdd(name, data) for name, data in files.items()]
        api.create_commit("me/model", adds, commit_message="By Xet")
        # One after the other: the client's threads can hinder each other in making the store, and
        # a file that is not taken into it is none the worse for it, but no case of this test.
        for name in Checkpoint.open(folder).files:
            hf_hub_download("me/model", name)
        source = resolve("me/model")
        shards = Checkpoint.open(source.folder).files
        assert len(shards) == 2
        assert all((tmp_path / "cache" / "blobs") in (source.folder / name).resolve().parents
                   for name in shards)  # fmt: skip
        assert classify(source.folder).kept == classify(folder).kept
        assert classify(source.folder).weights == shards
