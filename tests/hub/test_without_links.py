"""Models of the Hub where its cache can't hold links: Windows without the right to make them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from huggingface_hub import constants, file_download

from modelrepair import load_manifest
from modelrepair.cli.main import run
from modelrepair.demo import paths
from modelrepair.errors import HubError
from modelrepair.source.resolve import check_arrived, resolve
from tests.support.hub.repaired import files_of
from tests.support.hub.sharded import QUICK, fill, here_fixture  # noqa: F401

HERE = [word for word in QUICK if word not in ("--push", "--force")]


@pytest.fixture(autouse=True)
def no_links(hub, monkeypatch):
    """A disk that refuses links; the client finds it out by trying, as on Windows."""

    def refuse(*_, **__):
        raise OSError(1314, "A required privilege is not held by the client")

    for name in ("symlink", "link"):
        monkeypatch.setattr(f"os.{name}", refuse)
    monkeypatch.setattr(file_download, "_are_symlinks_supported_in_dir", {})
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_SYMLINKS_WARNING", True)
    yield
    cache = Path(constants.HF_HUB_CACHE)
    assert not [path for path in cache.rglob("*") if path.is_symlink()]


@pytest.mark.slow
def test_a_model_its_base_and_reference_are_repaired_and_counted(hub, here, monkeypatch, capsys):
    monkeypatch.chdir(here)
    commit = fill(hub)
    assert run(["plan", "user/broken", *HERE]) == 0, capsys.readouterr().out
    before = json.loads(capsys.readouterr().out)
    assert run(["fix", "user/broken", *HERE]) == 0, capsys.readouterr().out
    document = json.loads(capsys.readouterr().out)
    manifest = load_manifest(here / "broken-repaired")
    assert (manifest.source.commit, manifest.reference.id) == (commit, "org/aligned")
    assert set(document["manifest"]["left_behind"]) >= {"training_args.bin", "tf_model.h5"}
    assert run(["plan", "user/broken", *HERE, "--out=other"]) == 0, capsys.readouterr().out
    after = json.loads(capsys.readouterr().out)
    counted = [each["hub"]["download_bytes"] for each in (before, after)]
    assert counted[0] > 1_700_000 and counted[1] == 0
    assert (before["hub"]["reference_bytes"] > 1_700_000, after["hub"]["reference_bytes"]) == (
        True,
        0,
    )
    assert run(["verify", "broken-repaired", "--json"]) == 0, capsys.readouterr().out


def test_by_a_commit_and_offline(hub, monkeypatch):
    first = hub.add("org/aligned", files_of(paths.reference))
    hub.add("org/aligned", {**files_of(paths.reference), "README.md": b"newer"})
    at = resolve("org/aligned", first)
    assert (at.commit, at.folder.name) == (first, first)
    newest = resolve("org/aligned")
    assert (newest.folder / "README.md").read_bytes() == b"newer"
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert resolve("org/aligned").commit == newest.commit
    assert resolve("org/aligned", first).folder == at.folder


def test_what_arrived_damaged_is_removed_and_fetched_again(hub):
    hub.add("org/aligned", files_of(paths.reference))
    found = resolve("org/aligned")
    name = "model.safetensors"
    whole = (found.folder / name).read_bytes()
    with pytest.raises(HubError, match="arrived damaged"):
        check_arrived("org/aligned", found.folder, {name: "0" * 64})
    assert not (found.folder / name).exists()
    assert (resolve("org/aligned").folder / name).read_bytes() == whole
