"""Record and replay: the blocks' arguments, tuples, shared state, and models that don't fit."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM

from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.engine import skeleton as skeletons
from modelrepair.engine.passes.capture import (
    Call,
    Recording,
    check_first_batch,
    inspect,
    model_inputs,
    record,
    replay,
    run_block,
    shared_state,
)
from modelrepair.engine.passes.loss import answer_losses
from modelrepair.engine.passes.passes import Work, collect, follow
from modelrepair.engine.passes.statistics import SetBatches
from modelrepair.engine.sites import find_sites
from modelrepair.errors import UnsupportedModelError
from modelrepair.pipeline.open_models import open_skeleton
from modelrepair.plugin.accumulators import InputNorms
from modelrepair.preflight.model import Model
from modelrepair.progress import Progress
from modelrepair.source.resolve import Source
from tests.support import tiny
from tests.support.opened_models import CPU, batches, open_tiny, opened

SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "vocab_size": 97,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
PER_LAYER = {"vocab_size_per_layer_input": 97, "hidden_size_per_layer_input": 8}
GROUPED = {"intermediate_size": 48, "num_key_value_heads": 2, "head_dim": 8}
TUPLES = {
    "falcon": {"ffn_hidden_size": 48},
    "bloom": {},
    "mpt": {"d_model": 32, "n_heads": 4, "n_layers": 3, "max_seq_len": 64},
    "gptj": {"n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 64, "rotary_dim": 4},
}
GEMMA4 = {
    **GROUPED,
    **PER_LAYER,
    "global_head_dim": 8,
    "num_hidden_layers": 4,
    "num_kv_shared_layers": 2,
    "layer_types": ["sliding_attention", "full_attention"] * 2,
    "sliding_window": 8,
}
GEMMA3N = {
    **GROUPED,
    **PER_LAYER,
    "num_kv_shared_layers": 1,
    "layer_types": ["sliding_attention", "full_attention", "full_attention"],
    "laurel_rank": 4,
    "activation_sparsity_pattern": [0.0] * 3,
    "altup_num_inputs": 2,
}


def made(kind: str, **settings):
    torch.manual_seed(0)
    config = AutoConfig.for_model(kind, **{**SIZES, **settings})
    return AutoModelForCausalLM.from_config(config).eval()


def follows_as_the_model_does(one, folder) -> bool:
    """Whether every swept loss equals the plain model's, to the last bit."""
    some = batches(7, seed=2)
    folder.mkdir()
    results = iter(
        follow(
            Work(one.skeleton, one.weights.read, [SetBatches("utility", some)], folder), Progress()
        )
    )
    equal = True
    for batch in some:
        with torch.no_grad():
            logits = one.plain(**model_inputs(batch, CPU)).logits
        for loss in answer_losses(logits, batch.input_ids, batch.answer_mask).tolist():
            equal &= next(results).loss == loss
    return equal


@pytest.mark.quick("falcon", "gptj")
@pytest.mark.parametrize("kind", list(TUPLES))
def test_blocks_that_answer_with_tuples(kind, tmp_path):
    one = opened(tmp_path / "model", made(kind, **TUPLES[kind]))
    assert one.skeleton.answer_length == 2
    assert one.shared is None
    assert find_sites(one.skeleton, list(one.checkpoint.entries)).coverage == 1.0
    check_first_batch(one.skeleton, model_inputs(batches(5)[0], CPU), one.weights.read)
    assert follows_as_the_model_does(one, tmp_path / "work")


@pytest.mark.parametrize("kind", ["gemma2", "mistral", "qwen2"])
def test_sliding_windows_shorter_than_the_examples(kind, tmp_path):
    one = open_tiny(kind, tmp_path / "model")
    window = one.plain.config.sliding_window
    assert window == 8
    assert max(batch.input_ids.shape[1] for batch in batches(7, seed=2)) > 2 * window
    assert follows_as_the_model_does(one, tmp_path / "work")
    wide = tiny.model(kind, sliding_window=60)
    inputs = model_inputs(batches(7, seed=2)[-1], CPU)
    with torch.no_grad():  # the window does something at these lengths
        assert not torch.allclose(wide(**inputs).logits, one.plain(**inputs).logits, atol=1e-4)


def test_recorded_arguments_run_the_blocks_as_the_model_does(tmp_path):
    one = open_tiny("llama", tmp_path / "model")
    inputs = model_inputs(batches(5)[0], CPU)
    with one.skeleton.filled_shell(one.weights.read), torch.no_grad():
        recording = record(one.skeleton, inputs)
    assert len(recording.calls) == 3
    hidden, states = recording.hidden, one.plain.model(**inputs, output_hidden_states=True)
    assert torch.equal(hidden, states.hidden_states[0])
    for index, call in enumerate(recording.calls[:2]):
        with one.skeleton.filled_block(index, one.weights.read) as block, torch.no_grad():
            hidden = run_block(block, hidden, call)
        assert torch.equal(hidden, states.hidden_states[index + 1])


def test_replay_gives_the_model_s_own_logits_and_gradients(tmp_path):
    one = open_tiny("cohere", tmp_path / "model")  # it scales its logits
    batch = batches(5)[0]
    inputs = model_inputs(batch, CPU)
    caught = []
    last = one.plain.model.layers[-1]
    handle = last.register_forward_hook(lambda m, a, output: caught.append(output))
    plain = one.plain(**inputs).logits
    handle.remove()
    hidden = caught[0].detach().requires_grad_(True)
    with one.skeleton.filled_shell(one.weights.read):
        logits = replay(one.skeleton, inputs, hidden).logits
    assert torch.equal(logits, plain)
    logits.sum().backward()
    assert hidden.grad.abs().sum() > 0


def test_a_shared_dictionary_is_found_by_its_name():
    mutable = {}
    mask = torch.zeros(1)
    calls = [Call((mask,), {"cache": mutable, "pair": (mask, None), "kind": "full"})] * 2
    assert shared_state(Recording(mask, tuple(calls))) == "cache"
    private = [Call((mask,), {"cache": {}}), Call((mask,), {"cache": {}})]
    assert shared_state(Recording(mask, tuple(private))) is None
    assert shared_state(Recording(mask, (Call((mutable,), {}), Call((mutable,), {})))) == (
        "argument 0"
    )


def test_gradients_refuse_shared_state_by_name_before_a_weight_is_read(tmp_path, monkeypatch):
    one = opened(tmp_path / "model", made("gemma4_text", **GEMMA4))
    assert one.shared == one.skeleton.shared == "shared_kv_states"
    source = Model(Source(None, None, one.folder, "model"), one.checkpoint)

    def never(*_):
        raise AssertionError("a weight was read")

    monkeypatch.setattr(Checkpoint, "raw", never)
    with pytest.raises(UnsupportedModelError, match="'shared_kv_states': contrast can't") as caught:
        open_skeleton(source, CPU, "float32", gradients=["contrast"])
    assert "--scorer wanda" in caught.value.hint
    open_skeleton(source, CPU, "float32")


def test_shared_state_is_swept_forward_and_begins_again_after_an_interruption(tmp_path):
    one = opened(tmp_path / "model", made("gemma4_text", **GEMMA4))
    assert follows_as_the_model_does(one, tmp_path / "work")
    sites = find_sites(one.skeleton, list(one.checkpoint.entries))
    group = SetBatches("realign", batches(5), (InputNorms(),))

    def swept(folder, stop=None):
        folder.mkdir(exist_ok=True)
        found = {}

        def keep(block, given):
            if block == stop:
                raise KeyboardInterrupt
            for site, statistics in given:
                found[site.name] = statistics["realign", InputNorms()]["sum"]

        collect(Work(one.skeleton, one.weights.read, [group], folder), sites, keep, Progress())
        return found

    whole = swept(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        swept(tmp_path / "cut", stop=3)
    again = swept(tmp_path / "cut")
    assert whole.keys() == again.keys()
    assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_several_hidden_states_a_token_are_refused_in_words(tmp_path):
    folder = tmp_path / "model"
    made("gemma3n_text", **GEMMA3N).save_pretrained(folder)
    with pytest.raises(UnsupportedModelError, match="pass on hidden states"):
        inspect(skeletons.build(folder, Checkpoint.open(folder), CPU))


def test_the_first_batch_finds_blocks_that_share_state_behind_the_arguments(tmp_path):
    one = open_tiny("llama", tmp_path / "model")
    norm = one.skeleton.blocks[1].input_layernorm
    plain, calls = type(norm).forward, []

    class Counting(type(norm)):
        def forward(self, hidden):
            calls.append(1)
            return plain(self, hidden) * (1 + len(calls))

    norm.__class__ = Counting
    with pytest.raises(UnsupportedModelError, match=r"block 1 .* another result alone"):
        check_first_batch(one.skeleton, model_inputs(batches(5)[0], CPU), one.weights.read)


def test_a_model_that_skips_a_block_is_refused(tmp_path):
    one = open_tiny("llama", tmp_path / "model")
    one.skeleton.model.config.num_hidden_layers = 2  # what its loop is cut to
    inputs = model_inputs(batches(5)[0], CPU)
    with (
        one.skeleton.filled_shell(one.weights.read),
        pytest.raises(UnsupportedModelError, match="called 2 of its 3 blocks"),
    ):
        record(one.skeleton, inputs)
    assert all("forward" not in vars(block) for block in one.skeleton.blocks)


def test_a_forward_that_looks_at_values_is_refused(tmp_path, monkeypatch):
    folder = tmp_path / "model"
    tiny.save("llama", folder)
    built = skeletons.build(folder, Checkpoint.open(folder), CPU)
    from transformers.models.llama.modeling_llama import LlamaDecoderLayer

    def forward(self, hidden_states, **kwargs):
        return hidden_states * float(hidden_states.sum())

    monkeypatch.setattr(LlamaDecoderLayer, "forward", forward)
    with pytest.raises(UnsupportedModelError, match="can't be run on shapes alone"):
        inspect(built)


def test_blocks_are_found_without_a_name_or_not_at_all():
    class Odd(nn.Module):
        def __init__(self, *sizes):
            super().__init__()
            self.config = tiny.config("llama")
            self.parts = nn.ModuleList([nn.Linear(1, 1) for _ in range(sizes[0])])
            self.more = nn.ModuleList([nn.Linear(1, 1) for _ in range(sizes[1])])

        def get_decoder(self):
            return self

    assert skeletons.find_blocks(Odd(3, 2))[1] == "parts"
    for sizes in ((3, 3), (1, 2)):
        with pytest.raises(UnsupportedModelError, match="can't be found"):
            skeletons.find_blocks(Odd(*sizes))
