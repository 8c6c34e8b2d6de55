"""What follows from shapes and sizes: memory, tokens, and what is free here."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from modelrepair.cli.main import run
from modelrepair.demo import paths
from modelrepair.preflight import sizes as estimate


def test_accumulated_gradients_count_against_the_block():
    from modelrepair.checkpoint.reader import TensorEntry

    block = [TensorEntry("b.0.w.weight", "f", "F32", (100, 100), 0, 40_000)]
    assert estimate.block_memory([block], 2, True) == 2 * 4 * 10_000 + 21 * 10_000 * 3
    assert estimate.block_memory([block], 0, False) == 2 * 4 * 10_000 + 8 * 100 * 2
    batch = estimate.block_memory([block], 0, False, tokens=50)
    assert batch == 2 * 4 * 10_000 + 8 * 100 * 2 + 50 * 4 * 200


def test_logits_are_chunked_and_one_example_is_never_cut():
    from modelrepair.engine.passes.loss import MAXIMUM_LOGITS

    assert estimate.MAXIMUM_LOGITS == MAXIMUM_LOGITS
    assert estimate.head_memory(2**18, 1, 2048, 128) == 4 * (2**18 + 3 * 2**26)
    assert estimate.head_memory(2**18, 1, 2048, 1024) == 4 * (2**18 + 3 * 2**28)


@pytest.mark.parametrize(
    ("shape", "asked", "measured"),
    [
        # blocks, width, bytes a token; prompts, tokens; megabytes of a process over the weights
        ((30, 576, 46_080), (1000, 128 + 64), 642),
        ((30, 576, 46_080), (1000, 24 + 128), 583),
        ((12, 512, 49_152), (1000, 128 + 64), 1728),
    ],
)
def test_keys_and_values_take_what_was_measured(shape, asked, measured):
    assert estimate.cache_memory(*shape, *asked) == pytest.approx(measured * 10**6, rel=0.1)
    assert estimate.cache_memory(*shape, 1, 100) == 1.7 * 100 * shape[-1]


def giving_no_memory():
    raise FileNotFoundError("/proc/meminfo")


MACHINE = 4_000_000
SECOND = {"memory.max": "3000000", "memory.current": "2500000", "memory.stat": "inactive_file 9\n"}
FIRST = {
    "memory.limit_in_bytes": "3000000\n",
    "memory.usage_in_bytes": "2500000\n",
    "memory.stat": "cache 5\ntotal_inactive_file 9\n",
}
CONTAINERS = {
    "none, as on macOS and Windows": ("", "", {}, MACHINE),
    "its own": ("0::/\n", "", SECOND, 500_009),
    "one within the machine": ("0::/user/one\n", "user/one", SECOND, 500_009),
    "one above": ("0::/user/one\n", "user", SECOND, 500_009),
    "the host's path": ("0::/../docker/abc\n", "", SECOND, 500_009),
    "without a limit": ("0::/\n", "", {**SECOND, "memory.max": "max\n"}, MACHINE),
    "the older kind": ("4:cpu,memory:/box\n0::/\n", "memory/box", FIRST, 500_009),
    "the older kind, host's path": ("4:memory:/docker/abc\n", "memory", FIRST, 500_009),
    "the older kind, no limit": (
        "4:memory:/\n",
        "memory",
        {**FIRST, "memory.limit_in_bytes": f"{2**63 - 4096}"},
        MACHINE,
    ),
    "a larger one": ("0::/\n", "", {**SECOND, "memory.max": "90000000"}, MACHINE),
    "no line of ours": ("nonsense\n", "", SECOND, MACHINE),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_free_memory_knows_the_container(monkeypatch, tmp_path, name):
    said, folder, files, expected = CONTAINERS[name]
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    for file, text in files.items():
        (tmp_path / folder / file).write_text(text)
    real = estimate._read
    ours = Path("/proc/self/cgroup")
    monkeypatch.setattr(estimate, "_read", lambda path: said if path == ours else real(path))
    monkeypatch.setattr(estimate, "GROUPS", tmp_path)
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=MACHINE))
    assert estimate.free_memory() == expected


def test_free_memory_is_unknown_where_nothing_says_it(monkeypatch):
    assert estimate.free_memory() > 0
    monkeypatch.setattr(estimate, "_read", lambda path: "")
    monkeypatch.setattr("psutil.virtual_memory", giving_no_memory)
    assert estimate.free_memory() is None


def test_a_model_that_will_not_fit_is_refused_without_proc_and_sys(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(estimate, "_read", lambda path: "")
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=1000))
    sets = [f"--{role.replace('_', '-')}={path}" for role, path in paths.sets.items()]
    command = ["fix", str(paths.attacked), "--reference=none", f"--out={tmp_path / 'out'}", *sets]
    assert run(command) == 4
    said = capsys.readouterr().err
    assert "of memory are needed, 1,000 bytes are free" in said or "1.0 kB" in said, said
    assert "Hint [not-enough-memory]" in said
    assert not list(tmp_path.iterdir())


def test_a_disk_is_told_apart_by_the_nearest_folder(tmp_path):
    assert estimate.on_one_disk(tmp_path / "a" / "b", tmp_path / "c")
    if Path("/proc/self").exists():
        assert not estimate.on_one_disk(tmp_path, Path("/proc/self/none"))


def test_free_disk_asks_the_nearest_folder(tmp_path, monkeypatch):
    free = {tmp_path: 5}
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=free[path]))
    assert estimate.free_disk(tmp_path / "a" / "b") == 5
    monkeypatch.setattr("shutil.disk_usage", lambda path: (_ for _ in ()).throw(OSError()))
    assert estimate.free_disk(tmp_path) is None
