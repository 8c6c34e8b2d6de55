"""A source at a named commit, whole in the cache, is taken where the Hub does not answer."""

from __future__ import annotations

import huggingface_hub.constants as constants
import pytest

from modelrepair.errors import UnreachableError
from modelrepair.preflight.reference import look_at_reference
from modelrepair.progress import Notes
from modelrepair.source.resolve import resolve
from tests.support.hub.faults import Fault
from tests.support.hub.fixtures import hub
from tests.support.hub.repaired import files_of
from tests.support.small_repairs import make_checkpoint

__all__ = ["hub"]  # the one with a token


@pytest.fixture
def commit(hub, tmp_path):
    return hub.add("user/model", files_of(make_checkpoint(tmp_path / "seed", sharded=True)))


def failing(hub, monkeypatch):
    hub.faults.append(Fault("GET|HEAD|POST", "", status=503))


def gone(hub, monkeypatch):
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.hf_api.api.endpoint", "http://127.0.0.1:9")


def offline(hub, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


@pytest.mark.parametrize("without", [failing, gone, offline])
def test_a_commit_that_is_whole_in_the_cache(hub, monkeypatch, commit, without):
    before = resolve("user/model")
    without(hub, monkeypatch)
    for weights in (True, False):
        found = resolve("user/model", commit, weights=weights)
        assert (found.commit, found.folder, found.complete) == (commit, before.folder, True)


@pytest.mark.parametrize("without", [failing, gone, offline])
def test_a_commit_that_is_in_the_cache_in_part(hub, monkeypatch, commit, without):
    found = resolve("user/model")
    (found.folder / "model-00002-of-00002.safetensors").unlink()
    without(hub, monkeypatch)
    with pytest.raises(UnreachableError):
        resolve("user/model", commit)


@pytest.mark.parametrize("without", [failing, gone])
def test_a_branch_is_no_commit(hub, monkeypatch, commit, without):
    resolve("user/model")
    without(hub, monkeypatch)
    with pytest.raises(UnreachableError) as caught:
        resolve("user/model")
    assert f"what the cache holds: user/model@{commit}" in caught.value.hint


@pytest.mark.parametrize("without", [failing, gone])
def test_a_card_s_base_is_not_dropped_where_the_hub_fails(hub, tmp_path, monkeypatch, without):
    files = files_of(make_checkpoint(tmp_path / "seed"))
    hub.add("org/base", files)
    hub.add("user/model", {**files, "README.md": b"---\nbase_model: org/base\n---\n"})
    source = resolve("user/model")
    without(hub, monkeypatch)
    with pytest.raises(UnreachableError, match="org/base") as caught:
        look_at_reference("auto", source, Notes())
    assert "--reference none" in caught.value.hint
