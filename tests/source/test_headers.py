"""Headers from the Hub say what the downloaded files would."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.numpy import save

from modelrepair.errors import DamagedCheckpointError, HubError, UnsupportedModelError
from modelrepair.preflight.demand import Demand
from modelrepair.preflight.plan import plan_model as plan
from modelrepair.source.headers import headers
from modelrepair.source.resolve import resolve


def shard(block: int) -> dict[str, np.ndarray]:
    return {
        f"model.layers.{block}.b.weight": np.ones((4, 6), "float16"),
        f"model.layers.{block}.a.weight": np.ones((40, 60), "float32"),
    }


@pytest.fixture
def sharded(hub):
    names = [f"model-0000{n}-of-00002.safetensors" for n in (1, 2)]
    weight_map = {key: name for n, name in enumerate(names) for key in shard(n)}
    hub.add(
        "user/name",
        {
            "config.json": b'{"num_hidden_layers": 2, "hidden_size": 6, "vocab_size": 9}',
            "model.safetensors.index.json": json.dumps(
                {"metadata": {"total_size": 1}, "weight_map": weight_map}
            ).encode(),
            **{name: save(shard(n), {"format": "pt"}) for n, name in enumerate(names)},
        },
    )
    return hub


def test_a_plan_reads_headers_only_and_equals_that_of_the_files(sharded):
    light = resolve("user/name", weights=False)
    assert not light.complete
    assert not list(light.folder.glob("*.safetensors"))
    remote = headers(light)
    before = plan(light, Demand(gradients=True))
    whole = resolve("user/name")
    assert whole.complete
    local = headers(whole)
    assert (remote.files, remote.index) == (local.files, local.index)
    assert list(remote.entries) == list(local.entries)
    for name, entry in local.entries.items():
        found = remote.entries[name]
        assert (found.dtype, found.shape, found.nbytes, found.file) == (
            entry.dtype,
            entry.shape,
            entry.nbytes,
            entry.file,
        )
    after = plan(whole, Demand(gradients=True)).to_json()
    free = {"disk_found_bytes", "memory_found_bytes"}
    assert {k: v for k, v in before.to_json().items() if k not in free} == {
        k: v for k, v in after.items() if k not in free
    }


def test_headers_that_can_not_be_had(hub, sharded):
    one = {"weights.safetensors": save(shard(0))}
    hub.add("user/one", one)
    assert headers(resolve("user/one", weights=False)).entries.keys() == shard(0).keys()
    hub.add("user/odd", {**one, "more.safetensors": save(shard(1))})
    with pytest.raises(UnsupportedModelError, match="user/odd holds 2 safetensors files"):
        headers(resolve("user/odd", weights=False))
    hub.add("user/bad", {"model.safetensors": b"\x08" + bytes(7) + b"no JSON!"})
    with pytest.raises(DamagedCheckpointError, match="user/bad"):
        headers(resolve("user/bad", weights=False))
    light = resolve("user/name", weights=False)
    hub.status = 500
    with pytest.raises(HubError):
        headers(light)


@pytest.mark.parametrize("end", [-1, 9, 0])
def test_a_shard_that_was_cut_short_is_seen_by_its_size(hub, sharded, end):
    name = "model-00002-of-00002.safetensors"
    files = {**hub.repos["user/name"].files(), name: save(shard(2))[:end]}
    hub.add("user/cut", files)
    with pytest.raises(DamagedCheckpointError, match=f"'{name}' of user/cut is no whole") as caught:
        headers(resolve("user/cut", weights=False))
    assert caught.value.hint == f"its author can upload it again: hf upload user/cut {name}"
    del files[name]
    hub.add("user/gone", files)
    with pytest.raises(DamagedCheckpointError, match=f"'{name}' is missing, which .* of user/gone"):
        headers(resolve("user/gone", weights=False))
    hub.add("user/two", {**hub.repos["user/name"].files(), "model.safetensors": save(shard(1))})
    with pytest.raises(UnsupportedModelError, match="user/two holds two sets of weights"):
        headers(resolve("user/two", weights=False))


def test_a_long_header_is_read_whole(hub):
    many = {
        f"model.layers.{n}.{'long' * 10}.weight": np.ones((1, 1), "float16") for n in range(900)
    }
    assert len(save(many)) > 100_000
    hub.add("user/long", {"model.safetensors": save(many)})
    assert headers(resolve("user/long", weights=False)).entries.keys() == many.keys()


def test_a_folder_has_its_own_headers(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(save(shard(0)))
    assert len(headers(resolve(tmp_path, weights=False)).entries) == 2
