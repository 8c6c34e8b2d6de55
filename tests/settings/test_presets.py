"""The presets against independent restatements of the published code and of the equations."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from modelrepair import load_manifest, repair
from modelrepair.checkpoint.mask import open_mask
from modelrepair.demo import paths
from modelrepair.examples.load import load_set
from modelrepair.examples.splits import split_sets
from modelrepair.examples.template import Template
from modelrepair.settings.presets import published_count, quota_of


@given(st.floats(1e-9, 1 - 1e-9), st.integers(1, 20_000))
def test_the_published_count_keeps_what_rounding_down_leaves(ratio, entries):
    masked = published_count(ratio, entries)
    assert entries - masked == int(entries * (1 - ratio))
    assert 1 <= masked <= entries and masked >= ratio * entries - 1e-6 * entries


def test_the_published_counts_of_the_note():
    assert [published_count(0.1, 256), published_count(1e-5, 4096)] == [26, 1]
    assert quota_of("antidote-official") is published_count
    assert quota_of("antidote-paper") is quota_of(None)


@pytest.fixture(scope="module")
def seen():
    """Every factor's weight, and the inputs that it gets from each example, one at a time.

    With peft's own model, one example a forward and no padding, as the published code runs.
    """
    examples = split_sets(realign=load_set(paths.sets["realign"], "realign"), examples=24)
    template = Template(AutoTokenizer.from_pretrained(paths.attacked), 1024)
    tokens = template.pairs(examples["realign"].score).examples
    base = AutoModelForCausalLM.from_pretrained(paths.reference, dtype=torch.float32)
    model = PeftModel.from_pretrained(base, paths.adapter).eval()
    layers = {
        name.replace(".default", "") + ".weight": module
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and ".lora_" in name
    }
    inputs: dict[str, list[torch.Tensor]] = {name: [] for name in layers}
    for name, layer in layers.items():
        layer.register_forward_hook(lambda m, args, out, name=name: inputs[name].append(args[0][0]))
    with torch.no_grad():
        for example in tokens:
            model(torch.tensor([example.ids]))
    return {name: (layer.weight.detach().float(), inputs[name]) for name, layer in layers.items()}


def masks_of(preset, tmp_path, **options):
    report = repair(
        paths.adapter,
        base=paths.reference,
        preset=preset,
        realign=paths.sets["realign"],
        examples=24,
        evaluate=False,
        judge="demo-world",
        out=tmp_path / "out",
        **options,
    )
    manifest = load_manifest(report.out)
    assert manifest.preset == preset
    opened = open_mask(report.out / "repair" / "mask.safetensors")
    masks = {}
    for site in manifest.sites:
        flat = np.zeros(site.entries, bool)
        flat[opened.positions(site.name, site.entries) if site.name in opened.names else []] = True
        masks[site.name] = flat.reshape(site.shape)
    return masks


def published_mask(weight, inputs, alpha):
    """The published loop: a running mean of squared norms, then a stable sort of every row."""
    scaler = torch.zeros(weight.shape[1], dtype=torch.float64)
    for before, rows in enumerate(inputs):
        scaler *= before / (before + 1)
        scaler += rows.double().T.norm(p=2, dim=1) ** 2 / (before + 1)
    metric = weight.abs() * torch.sqrt(scaler.reshape(1, -1))
    order = torch.sort(metric, dim=-1, stable=True)[1]
    kept = order[:, : int(metric.shape[1] * (1 - alpha))]
    mask = torch.ones_like(metric)
    mask.scatter_(1, kept, 0)
    return mask.bool().numpy()


@pytest.mark.quick("None")
@pytest.mark.parametrize("alpha", [None, 0.01, 0.25])
def test_the_official_preset_is_the_published_loop_mask_for_mask(seen, tmp_path, alpha):
    options = {} if alpha is None else {"ratio": alpha}
    found = masks_of("antidote-official", tmp_path, **options)
    wanted = [name for name in seen if any(f".{p}_proj." in name for p in "qkv")]
    assert sorted(found) == sorted(wanted) and len(wanted) == 24
    for name in wanted:
        expected = published_mask(*seen[name], alpha or 0.1)
        assert (found[name] == expected).all(), name
        columns = expected.shape[1]
        assert (expected.sum(axis=1) == columns - int(columns * (1 - (alpha or 0.1)))).all()


def test_the_paper_preset_is_equations_1_to_3(seen, tmp_path):
    found = masks_of("antidote-paper", tmp_path)
    assert sorted(found) == sorted(seen)
    names = list(found)
    # Equation 1: the mean over examples of |w|·‖A‖; equation 2: the top of all of them together.
    scores = {
        name: seen[name][0].abs().double()
        * torch.stack([rows.double().norm(dim=0) for rows in seen[name][1]]).mean(dim=0)
        for name in names
    }
    flat = torch.cat([scores[name].reshape(-1) for name in names])
    k = round(0.1 * len(flat))
    threshold = flat.sort(descending=True).values[k - 1]
    for name in names:
        assert (found[name] == (scores[name] >= threshold).numpy()).all(), name
    assert sum(mask.sum() for mask in found.values()) == k
    assert math.isclose(k / len(flat), 0.1, rel_tol=1e-3)


@pytest.mark.slow
def test_masked_factors_are_zero_as_equation_3_says(tmp_path):
    from safetensors.torch import load_file

    masks = masks_of("antidote-paper", tmp_path)
    old = load_file(paths.adapter / "adapter_model.safetensors")
    new = load_file(tmp_path / "out" / "adapter_model.safetensors")
    for name, mask in masks.items():
        expected = old[name] * torch.from_numpy(~mask)
        assert torch.equal(new[name].float(), expected.float()), name
