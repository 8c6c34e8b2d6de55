"""A device that can't be here is refused before torch is imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

from modelrepair.errors import UsageError
from modelrepair.preflight import device, gpus
from modelrepair.preflight.device import check_device
from tests.support import nvml


@pytest.fixture
def built(monkeypatch):
    """Torch as it is built for these."""

    def say(cuda: str, hip: str = "None"):
        monkeypatch.setattr(
            device.Path,
            "read_text",
            lambda *_, **__: f"cuda: Optional[str] = {cuda}\nhip: Optional[str] = {hip}\n",
        )

    return say


@pytest.mark.parametrize("name", ["gpu", "CPU", "auto:1", "meta", ""])
def test_a_name_that_torch_does_not_know_is_none(name):
    with pytest.raises(UsageError, match="torch knows none of that name") as refused:
        check_device(name)
    assert refused.value.id == "no-such-device"


def test_a_package_may_bring_a_kind(monkeypatch):
    monkeypatch.setattr(device, "entry_points", lambda group: [group])
    check_device("npu")


def test_mps_is_apples(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(UsageError, match="Apple"):
        check_device("mps")
    monkeypatch.setattr(sys, "platform", "darwin")
    check_device("mps")


def test_a_torch_for_processors_has_no_gpu(built):
    built("None")
    for name in ("cuda", "cuda:1"):
        with pytest.raises(UsageError, match="for processors alone"):
            check_device(name)
    for each in (("'13.0'",), ("None", "'7.0'")):
        built(*each)
        check_device("cuda")


def test_of_the_gpus_that_are_here_the_last_is_named(built, monkeypatch):
    built("'13.0'")
    monkeypatch.setattr(gpus, "_built_for_gpus", lambda: True)
    nvml.install(monkeypatch, [nvml.Card("A100", "GPU-a"), nvml.Card("T4", "GPU-b")])
    check_device("cuda:1")
    with pytest.raises(UsageError, match="the last one here is cuda:1"):
        check_device("cuda:2")
    nvml.install(monkeypatch, [])
    check_device("cuda:2")  # a container may be given one without NVML


def test_torch_is_not_asked():
    code = (
        "import sys; from modelrepair.preflight.device import check_device\n"
        "check_device('cpu'); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
