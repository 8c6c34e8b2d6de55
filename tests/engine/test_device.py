"""The device that computes, from the name that users give it."""

from __future__ import annotations

import pytest

from modelrepair.engine.device import find_device
from modelrepair.errors import UsageError


def test_devices():
    assert find_device("cpu").type == "cpu"
    assert find_device("auto").type in ("cpu", "cuda", "mps")
    for name in ("gpu", "meta", "cuda:99", ""):
        with pytest.raises(UsageError, match="no device"):
            find_device(name)
