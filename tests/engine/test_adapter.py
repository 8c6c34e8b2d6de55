"""A skeleton with an adapter: what peft computes, to the last bit, and its factors as sites."""

from __future__ import annotations

import re

import pytest
import torch
from peft import LoraConfig
from safetensors.torch import load_file, save_file

from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.engine import skeleton as skeletons
from modelrepair.engine.adapter import adapt, check_plain, unknown_fields
from modelrepair.engine.passes.capture import check_first_batch, inspect, model_inputs
from modelrepair.engine.passes.passes import Work, collect
from modelrepair.engine.passes.statistics import SetBatches
from modelrepair.engine.sites import find_sites, require_coverage
from modelrepair.engine.weights import Weights
from modelrepair.errors import DamagedCheckpointError, UnsupportedModelError
from modelrepair.plugin.accumulators import ExampleGradients, Gradients, InputNorms
from modelrepair.plugin.scorer import SiteBatch
from modelrepair.progress import Progress
from tests.support import adapters
from tests.support.hooked_run import plain_run, rows
from tests.support.opened_models import CPU, batches


def open_adapter(folder):
    """The skeleton of an adapter and its base, the adapter's checkpoint, and the weights."""
    base = Checkpoint.open(folder / "base")
    checkpoint = Checkpoint.open(folder / "adapter")
    skeleton, _ = inspect(skeletons.build(folder / "base", base, CPU))
    adapted = adapt(skeleton, folder / "adapter", checkpoint)
    return adapted, checkpoint, Weights(checkpoint, CPU, base=base)


@pytest.mark.quick(
    "plain", "patterns of rank and alpha", "saved modules", "transposed layers", "dora", "ia3"
)
@pytest.mark.parametrize("name", [*adapters.LORA, *adapters.OTHERS])
def test_it_computes_what_peft_computes(tmp_path, name):
    kind = adapters.save_named(tmp_path, name)
    skeleton, _, weights = open_adapter(tmp_path)
    inputs = model_inputs(batches(5)[0], CPU)
    check_first_batch(skeleton, inputs, weights.read)
    with skeleton.filled_model(weights.read) as model, torch.no_grad():
        found = model(**inputs, use_cache=False).logits
    with torch.no_grad():
        expected = adapters.load(tmp_path, kind)(**inputs, use_cache=False).logits
        without = adapters.base_model(kind)(**inputs, use_cache=False).logits
    assert torch.equal(found, expected)
    assert not torch.equal(found, without)


@pytest.mark.quick("plain", "all linear, rank-stabilised", "saved modules", "transposed layers")
@pytest.mark.parametrize("name", list(adapters.LORA))
def test_statistics_of_the_factors_equal_a_plain_run_to_the_last_bit(tmp_path, name):
    adapters.save_lora(tmp_path, name)
    skeleton, checkpoint, weights = open_adapter(tmp_path)
    plain = adapters.load(tmp_path, adapters.LORA[name][0]).base_model.model
    plain.requires_grad_(True)
    sites = find_sites(skeleton, list(checkpoint.entries))
    assert sites.coverage == 1.0
    assert {site.name.rsplit(".", 2)[1] for site in sites.chosen} == {"lora_A", "lora_B"}
    accumulators = (InputNorms(), Gradients(), ExampleGradients())
    group = SetBatches("realign", batches(7), accumulators)
    swept = {}
    work = Work(skeleton, weights.read, [group], tmp_path / "work")

    def keep(_, given):
        swept.update({site.name: found for site, found in given})

    collect(work, sites, keep, Progress())

    expected: dict = {}
    for batch in group.batches:
        seen, gradients = plain_run(plain, skeleton.prefix, sites.chosen, batch)
        kept = batch.attention_mask.bool()
        index = torch.arange(len(kept))[:, None].expand_as(kept)[kept]
        for site in sites.chosen:
            inputs, outward = rows(seen[site.name], kept), rows(gradients[site.name], kept)
            view = SiteBatch(inputs, outward, batch.answer_mask[kept], index, batch.keys)
            for accumulator in accumulators:
                state = expected.setdefault((site.name, accumulator), {})
                for key, value in accumulator.contribution(site.info, view).items():
                    state[key] = state.get(key, 0) + value.double()
    for (site, accumulator), state in expected.items():
        for key, value in state.items():
            assert torch.equal(swept[site]["realign", accumulator][key], value), (site, key)


def test_what_is_no_factor_in_a_block_is_named(tmp_path):
    adapters.save_lora(tmp_path, "saved modules")
    skeleton, checkpoint, _ = open_adapter(tmp_path)
    sites = find_sites(skeleton, list(checkpoint.entries))
    assert set(sites.skipped) == {
        "base_model.model.lm_head.weight",
        "base_model.model.model.embed_tokens.weight",
    }
    assert set(sites.skipped.values()) == {"outside the blocks"}
    assert sites.chosen[0].projection == "q_proj.lora_A"


def test_a_saved_module_of_a_block_counts_against_the_coverage(tmp_path):
    config = LoraConfig(r=2, target_modules=["q_proj"], modules_to_save=["down_proj"])
    adapters.save(tmp_path, "llama", config)
    skeleton, checkpoint, _ = open_adapter(tmp_path)
    sites = find_sites(skeleton, list(checkpoint.entries))
    assert 0 < sites.coverage < 0.5
    assert all("down_proj" in name for name in sites.skipped)
    with pytest.raises(UnsupportedModelError, match="can be repaired"):
        require_coverage(sites, allow_partial=False)


def test_biases_are_left_alone_by_name(tmp_path):
    adapters.save_lora(tmp_path, "biases")
    skeleton, checkpoint, _ = open_adapter(tmp_path)
    sites = find_sites(skeleton, list(checkpoint.entries))
    assert {name.rpartition(".")[2] for name in sites.skipped} == {"bias"}
    assert len(sites.skipped) + len(sites.chosen) == len(checkpoint.entries)


@pytest.mark.parametrize("name", ["loha", "lokr", "ia3"])
def test_an_adapter_without_factors_has_no_sites(tmp_path, name):
    adapters.save(tmp_path, "llama", adapters.OTHERS[name]())
    skeleton, checkpoint, _ = open_adapter(tmp_path)
    with pytest.raises(UnsupportedModelError, match="no factors") as caught:
        find_sites(skeleton, list(checkpoint.entries))
    assert "--merge" in caught.value.hint


def test_a_variant_of_lora_is_not_plain(tmp_path):
    adapters.save(tmp_path, "llama", adapters.OTHERS["dora"]())
    skeleton, _, _ = open_adapter(tmp_path)
    with pytest.raises(UnsupportedModelError, match="no plain LoRA"):
        check_plain(skeleton.model)


def tensors(folder, change):
    path = folder / "adapter" / "adapter_model.safetensors"
    found = dict(load_file(path))
    change(found)
    save_file(found, path, {"format": "pt"})


Q = "base_model.model.model.layers.1.self_attn.q_proj.lora_B.weight"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda found: found.pop(Q), "lacks .*layers.1.self_attn.q_proj.lora_B"),
        (lambda found: found.__setitem__(Q.replace("q_proj", "x_proj"), found.pop(Q)), "renamed"),
        (lambda found: found.__setitem__(Q, found[Q][:8].contiguous()), "does not fit its base"),
        (lambda found: found.__setitem__(Q.replace(".1.", ".9."), found[Q].clone()), "no part of"),
    ],
    ids=["missing", "renamed", "other shape", "surplus"],
)
def test_a_damaged_adapter_is_told(tmp_path, change, said):
    adapters.save_lora(tmp_path, "plain")
    tensors(tmp_path, change)
    with pytest.raises(DamagedCheckpointError) as caught:
        open_adapter(tmp_path)
    message = f"{caught.value} {caught.value.hint}"
    assert re.search(said, message), message


def test_an_adapter_of_another_architecture_is_told(tmp_path):
    adapters.save_lora(tmp_path, "plain")
    adapters.change_config(tmp_path / "adapter", target_modules=["c_attn"])
    with pytest.raises(UnsupportedModelError, match="peft can't put the adapter into") as caught:
        open_adapter(tmp_path)
    assert "--base" in caught.value.hint


@pytest.mark.parametrize(
    "fields",
    [
        {"enable_lora": None, "merge_weights": False, "peft_version": None},
        {"use_rslora": None, "rank_pattern": None, "alpha_pattern": None, "lora_bias": None},
        {"runtime_config": {"ephemeral_gpu_offload": False}},
    ],
    ids=["0.3", "0.5", "0.12"],
)
def test_configs_of_other_versions_give_the_same_model(tmp_path, fields):
    adapters.save_lora(tmp_path, "plain")
    before = open_adapter(tmp_path)[0].files
    adapters.change_config(tmp_path / "adapter", **fields)
    assert open_adapter(tmp_path)[0].files == before
    assert unknown_fields(tmp_path / "adapter") == []


def test_what_another_version_asks_for_is_named(tmp_path):
    adapters.save_lora(tmp_path, "plain")
    adapters.change_config(tmp_path / "adapter", use_tomorrow=True, later=0)
    assert unknown_fields(tmp_path / "adapter") == ["use_tomorrow"]
