"""The machine, as the tables name it."""

import torch

from benchmarks.machine import describe, no_gpu


def test_it_names_processor_threads_and_versions(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    found = describe()
    assert found["threads"] == "3" and found["device"] == "cpu" and found["processor"]
    assert f"torch {torch.__version__}" in found["versions"]


def test_a_gpu_is_named_where_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Some GPU")
    assert no_gpu() is None
    assert describe("cuda")["device"] == "cuda, Some GPU"
