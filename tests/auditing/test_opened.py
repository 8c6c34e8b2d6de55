"""A folder or repository as an audit sees it: nothing is refused, no more is read than allowed."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.numpy import save

from modelrepair.auditing.opened import opened
from modelrepair.errors import (
    DamagedCheckpointError,
    HubError,
    InconclusiveError,
    UnsupportedModelError,
    UsageError,
)

FILES = {
    "config.json": b'{"model_type": "llama"}',
    "README.md": b"---\nbase_model: user/base\n---\nText",
    "model.safetensors": save({"w": np.arange(6, dtype="float32")}),
    "sub/a.pkl": b"\x80\x04.",
}


@pytest.fixture
def folder(tmp_path):
    for name, data in FILES.items():
        path = tmp_path / "model" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tmp_path / "model"


@pytest.fixture
def both(hub, folder):
    hub.add("user/model", FILES)
    with opened(folder) as here, opened("user/model") as there:
        yield here, there


def test_a_folder_and_a_repository_are_seen_the_same_way(both):
    for model in both:
        assert sorted(model.files) == sorted(FILES)
        assert {name: facts.size for name, facts in model.files.items()} == {
            name: len(data) for name, data in FILES.items()
        }
        assert model.config == {"model_type": "llama"}
        assert model.card == {"base_model": "user/base"}
        assert model.read("none.json") is None
        assert model.object("none.json") == {}
        assert model.read_range("model.safetensors", 0, 8) == FILES["model.safetensors"][:8]
        (entry,) = model.checkpoint.entries.values()
        assert (entry.name, entry.shape, entry.dtype) == ("w", (6,), "F32")


def test_a_repository_is_pinned_and_its_weights_are_not_fetched(hub, both):
    _, there = both
    assert there.source.commit == hub.repos["user/model"].head
    _ = there.checkpoint
    assert not (there.source.folder / "model.safetensors").exists()


def test_what_is_read_again_is_not_fetched_again(hub, both):
    _, there = both
    there.read("config.json")
    before, fetched = len(hub.requests), there.fetched
    assert there.read("config.json") == FILES["config.json"]
    assert len(hub.requests) == before
    assert there.fetched == fetched


def test_parts_of_one_file_cost_one_resolver_call(hub, both):
    _, there = both
    _ = there.checkpoint
    for start in range(5):
        there.read_range("model.safetensors", start, start + 3)
    paths = [path for _, path in hub.requests if "/resolve/" in path]
    assert len([path for path in paths if path.endswith("model.safetensors")]) == 1


def test_a_small_file_costs_one_request(hub, both):
    _, there = both
    before = len(hub.requests)
    there.read("config.json")
    assert len(hub.requests) - before == 1


def test_the_budget_is_never_passed(hub):
    hub.add("user/model", FILES)
    with opened("user/model", budget=30) as model:
        assert model.config
        with pytest.raises(InconclusiveError, match="budget of 30 bytes"):
            model.read("README.md")
        assert model.fetched <= 30


def test_links_that_leave_the_folder_are_seen_and_not_read(folder, tmp_path):
    (tmp_path / "secret.json").write_text("{}")
    (folder / "generation_config.json").symlink_to(tmp_path / "secret.json")
    with opened(folder) as model:
        facts = model.files["generation_config.json"]
        assert "leaves the model's folder" in (facts.unreadable or "")
        with pytest.raises(DamagedCheckpointError):
            model.object("generation_config.json")


def test_what_is_no_object_is_damaged(folder):
    (folder / "config.json").write_text("[1]")
    with opened(folder) as model, pytest.raises(DamagedCheckpointError, match="no JSON object"):
        _ = model.config


def test_no_weights_are_no_reason_not_to_look(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"")
    with opened(tmp_path) as model:
        assert list(model.files) == ["a.bin"]
        with pytest.raises(UnsupportedModelError):
            _ = model.checkpoint


def test_the_hubs_own_scan_is_kept_as_it_is(hub):
    hub.add("user/model", {"a.bin": b"x"})
    hub.repos["user/model"].infected = True
    with opened("user/model") as model:
        assert json.dumps(model.hub.security) == json.dumps(
            {"scansDone": True, "filesWithIssues": [{"path": "a.bin", "level": "unsafe"}]}
        )


@pytest.mark.parametrize("name", ["./none", "/none/at/all", "rub bish", ""])
def test_what_names_no_model_is_a_usage_error(name):
    with pytest.raises(UsageError), opened(name):
        pass


def test_an_id_that_a_file_names_is_never_a_folder_here(hub, folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    with pytest.raises(HubError), opened("user/none", local=False):
        pass
    (folder.parent / "user").mkdir()
    (folder.parent / "user" / "base").symlink_to(folder)
    with pytest.raises(HubError), opened("user/base", local=False):
        pass
