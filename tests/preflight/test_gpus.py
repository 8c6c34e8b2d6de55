"""What a plan knows of GPUs, by a made-up driver: there is none where tests run."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from modelrepair.preflight import gpus
from modelrepair.preflight.gpus import Gpu, gpus_for
from tests.support import nvml
from tests.support.nvml import GB, Card
from tests.support.openings import opening

A100 = Card("NVIDIA A100-SXM4-80GB", "GPU-aaaa", 70 * GB, 80 * GB)
T4 = Card("Tesla T4", "GPU-bbbb", 10 * GB, 16 * GB)
PARTS = [None, Card("A100 MIG 1g.10gb", "MIG-1", 9 * GB, 10 * GB), Card("A100 MIG 2g", "MIG-2")]
CUT = replace(A100, parts=PARTS)
LOST = replace(T4, uuid="GPU-cccc", fails=nvml.LOST)
SHARED = replace(T4, memory_fails=nvml.NOT_SUPPORTED)


@pytest.fixture(autouse=True)
def driver(monkeypatch):
    """Has a driver show GPUs to a torch that is built for them."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(gpus, "_built_for_gpus", lambda: True)
    return lambda *cards, **options: nvml.install(monkeypatch, [*cards], **options)


def names(device: str = "auto") -> list[str]:
    return [each.name for each in gpus_for(device)]


def test_each_gpu_is_named_with_its_memory(driver):
    driver(A100, T4)
    first = Gpu("cuda:0", A100.name, 70 * GB, 80 * GB, used=True)
    assert gpus_for("auto") == (first, Gpu("cuda:1", T4.name, 10 * GB, 16 * GB, used=False))


@pytest.mark.parametrize(
    ("device", "ranks", "used"),
    [
        ("auto", 1, [True, False]),
        ("cuda", 1, [True, False]),
        ("cuda:1", 1, [False, True]),
        ("cuda:7", 1, [False, False]),
        ("cuda", 2, [True, True]),
        ("cuda:1", 2, [False, True]),
        ("cpu", 1, []),
        ("mps", 1, []),
    ],
)
def test_those_are_used_on_which_the_run_computes(driver, monkeypatch, device, ranks, used):
    driver(A100, T4)
    monkeypatch.setenv("WORLD_SIZE", str(ranks))
    assert [each.used for each in gpus_for(device)] == used


@pytest.mark.parametrize(
    ("cards", "named", "found"),
    [
        ([A100, T4], "1,0", [T4.name, A100.name]),
        ([A100, T4], "GPU-bb", [T4.name]),
        ([A100, T4], "1,9,0", [T4.name]),
        ([A100, T4], "", []),
        ([A100, T4], "-1", []),
        ([CUT, T4], None, [PARTS[1].name, T4.name]),
        ([CUT], "MIG-2", [PARTS[2].name]),
        ([CUT], "0", [PARTS[1].name]),
        ([LOST, T4], None, [T4.name]),
        ([LOST, T4], "0", []),
        ([SHARED, A100], None, [A100.name]),
        ([replace(CUT, parts=[None])], None, []),
        ([], None, []),
    ],
)
def test_a_program_sees_what_cuda_shows_it(driver, monkeypatch, cards, named, found):
    driver(*cards)
    if named is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    assert names() == found


def test_nothing_is_found_without_a_driver(driver, monkeypatch):
    driver(A100, fails=nvml.NO_LIBRARY)
    assert names() == []
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert names() == []


def test_a_torch_for_processors_takes_no_gpu_unless_it_is_named(driver, monkeypatch):
    driver(A100)
    monkeypatch.setattr(gpus, "_built_for_gpus", lambda: False)
    assert (names("auto"), names("cuda")) == ([], [A100.name])


@pytest.mark.parametrize(
    ("free", "fits"),
    [
        (70 * GB, "all of it fits"),
        (2 * GB, "a block at a time fits, the whole model to answer does not"),
        (GB // 10, "too small for one block at a time"),
    ],
)
def test_the_first_lines_say_what_fits(driver, free, fits):
    driver(replace(A100, free=free), T4)
    made = replace(opening(), memory_least=GB, memory_most=4 * GB)
    text = " ".join(" ".join(made.lines()).split())
    assert f"GPUs cuda:0, {A100.name}: " in text and f"80.0 GB free; {fits} cuda:1" in text
    assert f"cuda:1, {T4.name}: 10.0 GB of 16.0 GB free; all of it fits; not used" in text
    assert "not known for this device" in text  # the time
    assert max(map(len, made.lines())) <= 80


def test_no_line_without_one(driver):
    driver()
    assert "GPU" not in "\n".join(opening().lines())
