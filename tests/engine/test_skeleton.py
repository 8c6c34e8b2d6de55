"""The model without its weights: filled and emptied block by block, as from_pretrained fills it."""

from __future__ import annotations

import json
import shutil
import threading
from collections import defaultdict
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.engine import skeleton as skeletons
from modelrepair.engine.passes.capture import inspect, model_inputs
from modelrepair.engine.passes.passes import Work, collect, follow
from modelrepair.engine.passes.statistics import SetBatches
from modelrepair.engine.sites import find_sites
from modelrepair.engine.weights import Weights
from modelrepair.errors import DamagedCheckpointError, UnsupportedModelError
from modelrepair.plugin.accumulators import Gradients, InputNorms
from modelrepair.progress import Progress
from tests.support import tiny
from tests.support.changed_models import DOWN, change, folder_fixture  # noqa: F401
from tests.support.opened_models import CPU, batches, open_tiny


def materialised(blocks) -> list[int]:
    """The blocks that hold a parameter with values."""
    return [
        index
        for index, block in enumerate(blocks)
        if any(not parameter.is_meta for parameter in block.parameters())
    ]


@pytest.mark.parametrize("gradients", [False, True], ids=["forward", "reverse"])
def test_one_block_is_in_memory_at_any_time(tmp_path, gradients):
    """Counted wherever a tensor is read and at every forward of every block."""
    one = open_tiny("llama", tmp_path / "model", num_hidden_layers=12)
    blocks = one.skeleton.blocks
    most, shells, visited = [], [], set()

    def look(index=None):
        held = materialised(blocks)
        most.append(len(held))
        shell = not one.skeleton.model.model.embed_tokens.weight.is_meta
        shells.append((shell, bool(held)))
        if index is not None:
            visited.add(index)
            assert held == [index]

    def read(name):
        look()
        return one.weights.read(name)

    for index, block in enumerate(blocks):
        # Not on the block itself, which is called while the shell is there and it is a stub.
        block.self_attn.register_forward_pre_hook(lambda *_, index=index: look(index))
    accumulators = (InputNorms(), Gradients()) if gradients else (InputNorms(),)
    (tmp_path / "work").mkdir()
    group = SetBatches("realign", batches(4), accumulators)
    collect(
        Work(one.skeleton, read, [group], tmp_path / "work"),
        find_sites(one.skeleton, list(one.checkpoint.entries)),
        lambda block, given: None,
        Progress(),
    )
    assert visited == set(range(12))
    assert max(most) == 1
    assert (True, True) not in shells  # the shell is away while a block is there
    assert materialised(blocks) == []
    assert one.skeleton.model.model.embed_tokens.weight.is_meta


def test_hidden_states_of_a_forward_pass_take_two_slots(tmp_path):
    one = open_tiny("llama", tmp_path / "model", num_hidden_layers=12)
    folder = tmp_path / "work"
    folder.mkdir()
    follow(
        Work(one.skeleton, one.weights.read, [SetBatches("utility", batches(4))], folder),
        Progress(),
    )
    assert len(list((folder / "hidden").iterdir())) == 2


@pytest.mark.parametrize("kind", list(tiny.DENSE))
def test_a_filled_model_computes_as_from_pretrained_s(kind, tmp_path):
    one = open_tiny(kind, tmp_path / "model")
    loaded = AutoModelForCausalLM.from_pretrained(one.folder, dtype=torch.float32).eval()
    inputs = model_inputs(batches(3)[0], CPU)
    with one.skeleton.filled_model(one.weights.read) as model, torch.no_grad():
        assert torch.equal(model(**inputs).logits, loaded(**inputs).logits)
        assert not any(p.is_meta for p in [*model.parameters(), *model.buffers()])
    assert all(p.is_meta for p in one.skeleton.model.parameters())


@pytest.mark.parametrize("kind", ["llama", "mixtral"])
@pytest.mark.parametrize("around", ["_orig_mod.", "module.", "_orig_mod.module."])
def test_what_training_wrapped_around_a_model_is_passed_over(kind, around, tmp_path):
    plain = open_tiny(kind, tmp_path / "plain")
    folder = shutil.copytree(plain.folder, tmp_path / "wrapped")
    inside = "layers.1._checkpoint_wrapped_module."
    tensors = {
        f"{around}{name.replace('layers.1.', inside)}": tensor
        for name, tensor in load_file(folder / "model.safetensors").items()
    }
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    checkpoint = Checkpoint.open(folder)
    found, _ = inspect(skeletons.build(folder, checkpoint, CPU))
    sites = find_sites(found, list(checkpoint.entries))
    assert sites.coverage > 0.99 and {each.name for each in sites.tensors} <= tensors.keys()
    inputs = model_inputs(batches(3)[0], CPU)
    read = Weights(checkpoint, CPU).read
    with torch.no_grad(), plain.skeleton.filled_model(plain.weights.read) as model:
        expected = model(**inputs).logits
    with torch.no_grad(), found.filled_model(read) as model:
        assert torch.equal(model(**inputs).logits, expected)


def test_a_tied_tensor_is_read_once_and_stands_in_both_places(tmp_path):
    one = open_tiny("qwen3", tmp_path / "model")
    assert one.plain.config.tie_word_embeddings
    names = []

    def read(name):
        names.append(name)
        return one.weights.read(name)

    with one.skeleton.filled_shell(read):
        model = one.skeleton.model
        assert model.lm_head.weight.data_ptr() == model.model.embed_tokens.weight.data_ptr()
    assert len(names) == len(set(names))


def test_blocks_are_emptied_after_an_error(tmp_path):
    one = open_tiny("llama", tmp_path / "model")
    with pytest.raises(KeyError), one.skeleton.filled_block(1, one.weights.read):
        raise KeyError
    assert materialised(one.skeleton.blocks) == []

    def broken(name):
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="gone"), one.skeleton.filled_block(1, broken):
        pass
    assert materialised(one.skeleton.blocks) == []


@pytest.fixture
def elsewhere(tmp_path):
    """A tiny model whose blocks are filled on another device than the processor."""
    one = open_tiny("mixtral", tmp_path / "model")
    return one, replace(one.skeleton, device=torch.device("meta"))


def block_of(name: str) -> int:
    return int(name.split(".")[2])


@pytest.mark.parametrize("order", [range(3), range(2, -1, -1), range(1, 1)])
def test_the_next_block_is_read_while_another_device_computes(elsewhere, order):
    one, skeleton = elsewhere
    threads, there = set(), defaultdict(threading.Event)
    read_twice = [name for name in one.checkpoint.entries if ".layers." in name]

    def read(name):
        read_twice.remove(name)
        threads.add(threading.current_thread())
        there[block_of(name)].set()
        return one.weights.read(name)

    with skeleton.walk(order, read) as filled_block:
        for place, index in enumerate(order):
            with filled_block(index):
                assert materialised([skeleton.blocks[index]]) == []  # it has values elsewhere
                for following in order[place + 1 : place + 2]:
                    assert there[following].wait(10)
                assert not {*there} - {*order[: place + 2]}  # and no other
    assert threading.current_thread() not in threads and not any(t.is_alive() for t in threads)


@pytest.mark.parametrize("error", [DamagedCheckpointError("a test", hint=""), MemoryError()])
def test_an_error_of_the_thread_arrives_where_its_block_is_asked_for(elsewhere, error):
    one, skeleton = elsewhere
    before = threading.active_count()

    def read(name):
        if block_of(name) == 1:
            raise error
        return one.weights.read(name)

    with pytest.raises(type(error)) as caught, skeleton.walk(range(3), read) as filled_block:
        with filled_block(0):
            pass
        with filled_block(1):
            raise AssertionError("it was filled")
    assert caught.value is error and threading.active_count() == before
    assert materialised(skeleton.blocks) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, UnsupportedModelError("a test", hint="")])
def test_who_stops_a_walk_leaves_no_thread(elsewhere, error):
    one, skeleton = elsewhere
    before = threading.active_count()
    with (
        pytest.raises((KeyboardInterrupt, UnsupportedModelError)),
        skeleton.walk(range(3), one.weights.read) as filled_block,
        filled_block(0),
    ):
        raise error
    assert threading.active_count() == before


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64, torch.bfloat16])
def test_files_of_every_dtype_compute_in_float32(tmp_path, dtype):
    folder = tmp_path / "model"
    tiny.save("llama", folder, dtype=dtype)
    plain = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    checkpoint = Checkpoint.open(folder)
    skeleton, _ = inspect(skeletons.build(folder, checkpoint, CPU))
    inputs = model_inputs(batches(3)[0], CPU)
    read = Weights(checkpoint, CPU).read
    with skeleton.filled_model(read) as model, torch.no_grad():
        assert {p.dtype for p in model.parameters()} == {torch.float32}
        assert torch.equal(model(**inputs).logits, plain(**inputs).logits)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_nan_in_any_weight_names_its_tensor(folder, value):
    bad = load_file(folder / "model.safetensors")[DOWN]
    bad[3, 5] = value
    checkpoint = change(folder, **{DOWN: bad})
    skeleton, _ = inspect(skeletons.build(folder, checkpoint, CPU))
    group = SetBatches("realign", batches(2), (InputNorms(),))
    (folder.parent / "work").mkdir()
    with pytest.raises(DamagedCheckpointError, match=DOWN.replace(".", r"\.")):
        collect(
            Work(skeleton, Weights(checkpoint, CPU).read, [group], folder.parent / "work"),
            find_sites(skeleton, list(checkpoint.entries)),
            lambda block, given: None,
            Progress(),
        )


def test_a_config_that_transformers_does_not_know_is_refused(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "no-such-model"}))
    with pytest.raises(UnsupportedModelError, match="can't build a causal language model"):
        skeletons.build(folder, Checkpoint.open(folder), CPU)
