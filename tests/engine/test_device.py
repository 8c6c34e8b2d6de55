"""The device that computes, from the name that users give it."""

from __future__ import annotations

import pytest
import torch

from modelrepair.engine.device import exact, find_device
from modelrepair.errors import UsageError
from tests.support.no_float64 import device_without_float64


def test_devices():
    assert find_device("cpu").type == "cpu"
    assert find_device("auto").type in ("cpu", "cuda", "mps")
    for name in ("gpu", "meta", "cuda:99", ""):
        with pytest.raises(UsageError, match="no device"):
            find_device(name)


def test_sums_are_taken_on_the_host_where_the_device_has_no_float64():
    assert exact(torch.device("cpu")).type == "cpu"
    with device_without_float64() as device:
        there = torch.arange(3.0).to(device)
        assert there.device.type == device.type
        with pytest.raises(TypeError, match="float64"):
            there.double()
        assert there.to(exact(device)).double().tolist() == [0.0, 1.0, 2.0]
