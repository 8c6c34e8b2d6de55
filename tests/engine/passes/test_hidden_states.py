"""Hidden states on disk: what is written is read, slots come and go, a full disk is reported."""

from __future__ import annotations

import errno
import shutil

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from modelrepair.engine.passes import hidden_states as store
from modelrepair.engine.passes.hidden_states import HiddenStates
from modelrepair.errors import ResourceError
from tests.support.held_files import files_in_use_stay
from tests.support.opened_models import CPU

SHAPES = [(2, 3, 4), (1, 5, 4)]
FLOAT = torch.float32


def states(seed: int = 0) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator) for shape in SHAPES]


@settings(max_examples=20, deadline=None)
@given(
    shapes=st.lists(
        st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 4)), min_size=1, max_size=5
    ),
    slots=st.integers(1, 3),
)
def test_every_batch_of_every_slot_comes_back(shapes, slots, tmp_path_factory):
    hidden = HiddenStates(tmp_path_factory.mktemp("slots"), shapes)
    torch.manual_seed(0)
    kept = {}
    for slot in range(slots):
        for number, shape in enumerate(shapes):
            kept[slot, number] = torch.randn(shape)
            hidden.write(slot, number, kept[slot, number])
    for (slot, number), values in kept.items():
        assert torch.equal(hidden.read(slot, number, CPU, FLOAT), values)


def test_what_was_written_anew_is_told_from_what_was_there(tmp_path):
    first = HiddenStates(tmp_path, SHAPES)
    for seed in (0, 1):
        for number, values in enumerate(states(seed)):
            first.write(0, number, values)
    known = first.checksums["0"]
    assert HiddenStates(tmp_path, SHAPES).is_whole(0, [0, 1], known)
    for wrong in (None, known ^ 1):
        assert not HiddenStates(tmp_path, SHAPES).is_whole(0, [0, 1], wrong)
    first.write(0, 1, states(0)[1])
    first.close()
    assert not HiddenStates(tmp_path, SHAPES).is_whole(0, [0, 1], known)


def test_what_is_read_is_a_copy(tmp_path):
    hidden = HiddenStates(tmp_path, SHAPES)
    hidden.write(0, 0, states()[0])
    hidden.read(0, 0, CPU, FLOAT).zero_()
    assert torch.equal(hidden.read(0, 0, CPU, FLOAT), states()[0])


def test_another_process_finds_them(tmp_path):
    first = HiddenStates(tmp_path, SHAPES)
    for number, values in enumerate(states()):
        first.write(7, number, values)
    again = HiddenStates(tmp_path, SHAPES)
    for number, values in enumerate(states()):
        assert torch.equal(again.read(7, number, CPU, FLOAT), values)


def test_a_dropped_slot_takes_no_space(tmp_path):
    hidden = HiddenStates(tmp_path, SHAPES)
    hidden.write(0, 0, states()[0])
    hidden.write(1, 0, states()[0])
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) == 2 * 4 * (24 + 20)
    hidden.drop(0)
    hidden.drop(5)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) == 4 * (24 + 20)
    assert torch.equal(hidden.read(1, 0, CPU, FLOAT), states()[0])


def test_bfloat16_states_are_kept_exactly(tmp_path):
    hidden = HiddenStates(tmp_path, SHAPES)
    values = states()[0].bfloat16()
    hidden.write(0, 0, values)
    assert torch.equal(hidden.read(0, 0, CPU, torch.bfloat16), values)


def test_a_full_disk_is_one_line_with_a_hint(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(store.os, "posix_fallocate", full)
    with pytest.raises(ResourceError, match="No space left on device") as caught:
        HiddenStates(tmp_path, SHAPES).write(0, 0, states()[0])
    assert caught.value.exit_code == 4
    assert "disk space" in caught.value.hint


@pytest.mark.parametrize("reserves", [True, False], ids=["posix_fallocate", "without"])
def test_the_space_is_taken_whatever_the_system(tmp_path, monkeypatch, reserves):
    if not reserves:
        monkeypatch.delattr(store.os, "posix_fallocate")
    store.allocate(tmp_path / "slot", 3_000_000)
    found = (tmp_path / "slot").stat()
    assert found.st_size == 3_000_000 <= found.st_blocks * 512
    assert not any((tmp_path / "slot").read_bytes())


def test_nothing_is_mapped_once_they_are_closed(tmp_path):
    """Windows removes no file that is mapped; what an error's traceback knows may live long."""
    with files_in_use_stay() as asked:
        hidden = HiddenStates(tmp_path / "slots", SHAPES)
        hidden.write(0, 0, states()[0])
        with pytest.raises(PermissionError):
            shutil.rmtree(tmp_path / "slots")
        hidden.close()
        shutil.rmtree(tmp_path / "slots")
    assert len(asked) == 1
