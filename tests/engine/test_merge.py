"""An adapter merged into its base: peft's own result, the base's files, the same bytes again."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest
import torch
from peft import LoraConfig
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from modelrepair.checkpoint.kept_files import LAB_MARK
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.engine.merge import merge
from modelrepair.errors import DamagedCheckpointError, UnsupportedModelError
from modelrepair.progress import Progress
from tests.support import adapters, tiny


def merged(folder):
    merge(folder / "adapter", folder / "base", folder / "merged", Progress())
    return folder / "merged"


@pytest.mark.quick("plain", "all linear, rank-stabilised", "saved modules", "dora", "loha")
@pytest.mark.parametrize("name", [*adapters.LORA, *adapters.OTHERS])
def test_it_is_what_peft_merges(tmp_path, name):
    kind = adapters.save_named(tmp_path, name)
    found, loading = AutoModelForCausalLM.from_pretrained(
        merged(tmp_path), output_loading_info=True
    )
    assert not (loading["missing_keys"] or loading["unexpected_keys"])
    expected = adapters.load(tmp_path, kind).merge_and_unload().state_dict()
    base = adapters.base_model(kind).state_dict()
    assert found.state_dict().keys() == expected.keys()
    for key, value in found.state_dict().items():
        torch.testing.assert_close(value, expected[key], rtol=1e-5, atol=1e-6)
        if torch.equal(expected[key], base[key]):
            assert torch.equal(value, base[key]), key
    assert any(not torch.equal(value, base[key]) for key, value in found.state_dict().items())


def test_shards_names_and_dtypes_are_the_base_s(tmp_path):
    adapters.save_lora(tmp_path, "plain")
    shutil.rmtree(tmp_path / "base")
    model = tiny.model("llama").to(torch.bfloat16)
    model.save_pretrained(tmp_path / "base", max_shard_size="20KB")
    base, result = Checkpoint.open(tmp_path / "base"), Checkpoint.open(merged(tmp_path))
    assert len(base.files) > 1 and result.files == base.files and result.index == base.index
    factors = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    for name, entry in base.entries.items():
        assert result.entries[name] == entry
        stem = "base_model.model." + name.removesuffix(".weight")
        same = (result.raw(name) == base.raw(name)).all()
        if f"{stem}.lora_A.weight" not in factors:
            assert same, name
            continue
        assert not same
        delta = (
            factors[f"{stem}.lora_B.weight"].double() @ factors[f"{stem}.lora_A.weight"].double()
        )
        whole = model.state_dict()[name].double() + 1.5 * delta  # alpha / r = 6 / 4
        bits = whole.float().to(torch.bfloat16).view(torch.int16).numpy().view("<u2")
        assert (result.raw(name) == bits).all(), name


@pytest.mark.slow
def test_it_does_not_depend_on_the_number_of_threads(tmp_path):
    adapters.save_lora(tmp_path, "all linear, rank-stabilised")
    expected = (merged(tmp_path) / "model.safetensors").read_bytes()
    shutil.rmtree(tmp_path / "merged")
    code = (
        "import sys, torch; from pathlib import Path; torch.set_num_threads(2)\n"
        "from modelrepair.progress import Progress; from modelrepair.engine.merge import merge\n"
        "merge(*map(Path, sys.argv[1:]), Progress())"
    )
    folders = [str(tmp_path / name) for name in ("adapter", "base", "merged")]
    subprocess.run([sys.executable, "-c", code, *folders], check=True, capture_output=True)
    assert (tmp_path / "merged" / "model.safetensors").read_bytes() == expected


def test_texts_of_the_adapter_replace_those_of_the_base_and_configs_do_not(tmp_path):
    adapters.save_lora(tmp_path, "plain")
    adapter, base = tmp_path / "adapter", tmp_path / "base"
    (base / "LICENSE").write_text("the base's")
    (base / "README.md").write_text("the base's")
    (base / "tokenizer_config.json").write_text("{}")
    (base / "pytorch_model.bin").write_bytes(b"\x80\x02")
    (adapter / "README.md").write_text("the adapter's")
    (adapter / "tokenizer_config.json").write_text('{"chat_template": "x"}')
    (adapter / "config.json").write_text('{"quantization_config": {}}')
    (adapter / "training_args.bin").write_bytes(b"\x80\x02")
    out = merged(tmp_path)
    assert sorted(path.name for path in out.iterdir()) == [
        "LICENSE",
        "README.md",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer_config.json",
    ]
    assert (out / "README.md").read_text() == "the adapter's"
    assert (out / "LICENSE").read_text() == "the base's"
    assert "chat_template" in (out / "tokenizer_config.json").read_text()
    assert "quantization_config" not in json.loads((out / "config.json").read_text())


@pytest.mark.parametrize("marked", ["adapter", "base", "both"])
def test_what_was_broken_on_purpose_stays_marked(tmp_path, marked):
    adapters.save_lora(tmp_path, "plain")
    for folder, name in (("adapter", "adapter_config.json"), ("base", "config.json")):
        if marked in (folder, "both"):
            path = tmp_path / folder / name
            config = json.loads(path.read_text())
            path.write_text(json.dumps({**config, LAB_MARK: {"made": folder}}))
    config = json.loads((merged(tmp_path) / "config.json").read_text())
    of_base = json.loads((tmp_path / "base" / "config.json").read_text())
    assert config == {**of_base, LAB_MARK: {"made": "adapter" if marked == "adapter" else "base"}}


def test_one_of_two_tied_tensors_can_not_be_changed_alone(tmp_path):
    config = LoraConfig(r=2, target_modules=["q_proj"], modules_to_save=["lm_head"])
    tied = tiny.model("qwen3")
    assert tied.config.tie_word_embeddings
    adapters.save(tmp_path, "qwen3", config)
    with pytest.raises(UnsupportedModelError, match="in one of the places"):
        merged(tmp_path)
    assert not (tmp_path / "merged").exists()


TIED = {
    "both saved": {"modules_to_save": ["lm_head", "embed_tokens"]},
    "both with factors": {"target_modules": ["lm_head", "embed_tokens"]},
}


@pytest.mark.parametrize("name", TIED)
def test_two_tied_tensors_that_were_trained_apart_are_refused(tmp_path, name):
    config = LoraConfig(r=2, **{"target_modules": ["q_proj"], **TIED[name]})
    adapters.save(tmp_path, "qwen3", config)
    with pytest.raises(UnsupportedModelError, match="in two places where the base uses it as one"):
        merged(tmp_path)
    assert not (tmp_path / "merged").exists()


def test_so_are_they_where_the_file_of_a_tied_base_holds_both(tmp_path):
    config = LoraConfig(r=2, target_modules=["q_proj"], **TIED["both saved"])
    adapters.save(tmp_path, "qwen3", config)
    path = tmp_path / "base" / "model.safetensors"
    tensors = load_file(path)
    tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"].clone()
    save_file(tensors, path)
    with pytest.raises(UnsupportedModelError, match=r"config ties .* changes them apart"):
        merged(tmp_path)


SAME = {
    "kept tied, saved": ("qwen3", {"modules_to_save": ["embed_tokens"]}),
    "kept tied, factors": ("qwen3", {"target_modules": ["embed_tokens"]}),
    "all biases": ("qwen2", {"bias": "all"}),
    "biases of its layers": ("opt", {"bias": "lora_only"}),
    "bias of B": ("qwen2", {"lora_bias": True}),
}


@pytest.mark.parametrize("name", SAME)
def test_the_merged_model_answers_as_the_adapter_on_its_base(tmp_path, name):
    kind, settings = SAME[name]
    if kind == "qwen3":
        settings = settings | {"ensure_weight_tying": True}
    config = LoraConfig(r=2, **{"target_modules": ["q_proj"], **settings})
    adapters.save(tmp_path, kind, config)
    found = AutoModelForCausalLM.from_pretrained(merged(tmp_path)).eval()
    tokens = torch.arange(3, 20)[None]
    with torch.no_grad():
        expected = adapters.load(tmp_path, kind)(input_ids=tokens).logits
        logits = found(input_ids=tokens).logits
        assert not torch.allclose(logits, adapters.base_model(kind)(input_ids=tokens).logits)
    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-4)


def test_a_bias_that_the_base_has_no_place_for_is_refused(tmp_path):
    config = LoraConfig(r=2, target_modules=["q_proj"], lora_bias=True)
    adapters.save(tmp_path, "llama", config)
    with pytest.raises(UnsupportedModelError, match="the base's layer has none"):
        merged(tmp_path)
    assert not (tmp_path / "merged").exists()


def test_saved_experts_of_a_file_with_a_tensor_for_each_can_not_be_merged(tmp_path):
    config = LoraConfig(r=2, target_modules=["q_proj"], modules_to_save=["experts"])
    adapters.save(tmp_path, "mixtral", config)
    with pytest.raises(UnsupportedModelError, match="made of several tensors") as caught:
        merged(tmp_path)
    assert caught.value.hint == "repair the adapter's factors, without --merge"
    assert not (tmp_path / "merged").exists()


def test_saved_experts_of_a_file_that_holds_them_fused_are_merged(tmp_path):
    config = LoraConfig(r=2, target_modules=["q_proj"], modules_to_save=["experts"])
    trained = adapters.save(tmp_path, "gpt_oss", config).state_dict()
    found = load_file(merged(tmp_path) / "model.safetensors")
    for block in range(3):
        name = f"model.layers.{block}.mlp.experts"
        saved = f"base_model.model.{name}.modules_to_save.default"
        for leaf in ("gate_up_proj", "gate_up_proj_bias", "down_proj", "down_proj_bias"):
            assert torch.equal(found[f"{name}.{leaf}"], trained[f"{saved}.{leaf}"])


def test_a_merge_that_overflows_leaves_nothing(tmp_path):
    adapters.save_lora(tmp_path, "plain")
    path = tmp_path / "adapter" / "adapter_model.safetensors"
    factors = {name: value * torch.inf for name, value in load_file(path).items()}
    save_file(factors, path, {"format": "pt"})
    with pytest.raises(DamagedCheckpointError, match="is not finite once"):
        merged(tmp_path)
    assert not (tmp_path / "merged").exists()
