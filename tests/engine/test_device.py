"""The device that computes, from the name that users give it."""

from __future__ import annotations

import pytest
import torch

from modelrepair import ranks
from modelrepair.engine.device import exact, find_device
from modelrepair.errors import UsageError
from tests.support.labelled_device import NAME, labelled_device


def test_devices():
    assert find_device("cpu").type == "cpu"
    assert find_device("auto").type in ("cpu", "cuda", "mps")
    for name in ("gpu", "meta", "cuda:99", ""):
        with pytest.raises(UsageError, match="no device"):
            find_device(name)


@pytest.mark.parametrize(("found", "name"), [(1, "auto"), (1, "cuda"), (2, "cuda:0")])
def test_ranks_that_would_share_a_gpu_are_refused_and_on_the_processor_they_are_not(
    found, name, monkeypatch
):
    monkeypatch.setattr(ranks, "_now", ranks._Ranks(1, 2, 1, 2))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: found)
    with pytest.raises(UsageError, match="each needs one of its own") as refused:
        find_device(name)
    assert refused.value.id == "no-such-device"
    assert find_device("cpu").type == "cpu"


def test_sums_are_taken_on_the_host_where_the_device_has_no_float64():
    assert exact(torch.device("cpu")).type == "cpu"
    device = torch.device(NAME)
    with labelled_device(float64=False):
        there = torch.arange(3.0).to(device)
        assert there.device.type == device.type
        with pytest.raises(TypeError, match="float64"):
            there.double()
        assert there.to(exact(device)).double().tolist() == [0.0, 1.0, 2.0]
