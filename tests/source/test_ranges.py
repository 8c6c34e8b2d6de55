"""A part of a file from the Hub: just these bytes, or an error."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelrepair.errors import HubError
from modelrepair.source.ranges import read_range
from modelrepair.source.resolve import Source
from tests.support.hub.faults import Fault

DATA = bytes(range(256)) * 4


@pytest.fixture
def source(hub, tmp_path):
    hub.add("user/name", {"model.safetensors": DATA, "config.json": b"{}"})
    sizes = {"model.safetensors": len(DATA), "config.json": 2}
    return Source("user/name", hub.repos["user/name"].head, tmp_path, "name", (), False, sizes)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=10)
@given(start=st.integers(0, len(DATA)), length=st.integers(0, len(DATA)))
def test_any_part_is_as_in_the_file(source, start, length):
    end = min(len(DATA), start + length)
    assert read_range(source, "model.safetensors", start, end) == DATA[start:end]


def test_only_the_part_is_sent(hub, source):
    before = sum(hub.sent.values())
    read_range(source, "model.safetensors", 10, 20)
    assert sum(hub.sent.values()) - before == 10


def test_what_is_on_disk_is_not_asked_for(hub, source):
    (source.folder / "model.safetensors").write_bytes(DATA)
    before = len(hub.requests)
    assert read_range(source, "model.safetensors", 3, 5) == DATA[3:5]
    assert len(hub.requests) == before


@pytest.mark.parametrize("fault", [{"status": 403}, {"cut": 4}, {"status": 416}])
def test_what_goes_wrong_is_a_hub_error(hub, source, fault):
    hub.faults.append(Fault("GET", "model.safetensors|objects", **fault))
    with pytest.raises(HubError):
        read_range(source, "model.safetensors", 0, 8)
