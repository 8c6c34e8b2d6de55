"""What follows from shapes and sizes: memory, tokens, and what is free here."""

from __future__ import annotations

from types import SimpleNamespace

from modelrepair.preflight import sizes as estimate


def test_accumulated_gradients_count_against_the_block():
    from modelrepair.checkpoint.reader import TensorEntry

    block = [TensorEntry("b.0.w.weight", "f", "F32", (100, 100), 0, 40_000)]
    assert estimate.block_memory([block], 2, True) == 2 * 4 * 10_000 + 8 * 10_000 * 2
    assert estimate.block_memory([block], 0, False) == 2 * 4 * 10_000 + 8 * 100


def test_logits_are_chunked_and_one_example_is_never_cut():
    from modelrepair.engine.passes.loss import MAXIMUM_LOGITS

    assert estimate.MAXIMUM_LOGITS == MAXIMUM_LOGITS
    assert estimate.head_memory(2**18, 1, 2048, 128) == 4 * (2**18 + 3 * 2**26)
    assert estimate.head_memory(2**18, 1, 2048, 1024) == 4 * (2**18 + 3 * 2**28)


def giving_no_memory():
    raise FileNotFoundError("/proc/meminfo")


def test_free_memory_knows_the_container(monkeypatch):
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=4_000_000))
    files = {
        "/sys/fs/cgroup/memory.max": "3000000\n",
        "/sys/fs/cgroup/memory.current": "2500000\n",
        "/sys/fs/cgroup/memory.stat": "anon 1\ninactive_file 250000\n",
    }
    monkeypatch.setattr(estimate, "_read", lambda path: files.get(path, ""))
    assert estimate.free_memory() == 750_000
    files["/sys/fs/cgroup/memory.max"] = "max\n"
    assert estimate.free_memory() == 4_000_000
    files.clear()
    assert estimate.free_memory() == 4_000_000
    monkeypatch.setattr("psutil.virtual_memory", giving_no_memory)
    assert estimate.free_memory() is None
    monkeypatch.undo()
    assert estimate.free_memory() > 0
    assert estimate._read("/no/such/file") == ""


def test_free_disk_asks_the_nearest_folder(tmp_path, monkeypatch):
    free = {tmp_path: 5}
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=free[path]))
    assert estimate.free_disk(tmp_path / "a" / "b") == 5
    monkeypatch.setattr("shutil.disk_usage", lambda path: (_ for _ in ()).throw(OSError()))
    assert estimate.free_disk(tmp_path) is None
