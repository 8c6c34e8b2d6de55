"""Whole repairs in every layout: proved, rebuilt, loaded, and the same model as masked by hand."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from modelrepair import apply, load_manifest, verify
from modelrepair.artifact.manifest import MANIFEST_NAME
from modelrepair.checkpoint.mask import open_mask
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.cli.main import run
from modelrepair.demo import paths
from modelrepair.engine.layout import matrices
from tests.support import tiny
from tests.support.layout_repairs import SETS, fixed, loaded, save

SCORERS = ("wanda", "magnitude", "gradient", "contrast")
EVERY = ("gpt2", "mixtral", "gpt_oss")
"""Where the quick tests try every scorer; the slow ones try all of them everywhere."""
TWINS = ("gpt_bigcode", "codegen", "gpt_neo", "dots1", "ernie4_5_moe", "phimoe", "falcon_mamba")
"""Models whose layout another one has, too: left to the slow tests."""
QUICK = {
    *((kind, scorer) for kind in EVERY for scorer in SCORERS),
    *((kind, "wanda") for kind in tiny.ARCHITECTURES if kind not in (*tiny.DENSE, *TWINS)),
}
CASES = [
    pytest.param(kind, scorer, marks=[] if (kind, scorer) in QUICK else [pytest.mark.slow])
    for kind in tiny.ARCHITECTURES
    for scorer in SCORERS
]


def masks(source: Path, out: Path, folder: Path) -> dict[str, torch.Tensor]:
    """The mask in the model's own layout, as transformers converts it: 1 where an entry is masked.

    It is written like the source's weights, and loaded like them.
    """
    shutil.copytree(source, folder)
    mask = open_mask(out / "repair" / "mask.safetensors")
    tensors = {
        name: torch.zeros_like(value)
        for name, value in load_file(source / "model.safetensors").items()
    }
    for name in mask.names:
        flat = np.zeros(tensors[name].numel(), np.float32)
        flat[mask.positions(name, len(flat))] = 1
        tensors[name] = torch.from_numpy(flat).view(tensors[name].shape)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    return dict(loaded(folder).named_parameters())


def logits(model):
    inputs = torch.tensor([[5, 9, 30, 200, 41, 7, 99], [8, 7, 6, 5, 4, 3, 50]])
    with torch.no_grad():
        return model(input_ids=inputs, use_cache=False).logits


@pytest.mark.quick(
    "gpt2-contrast",
    "mixtral-wanda",
    "gpt_oss-gradient",
    "qwen3_next-wanda",
)
@pytest.mark.parametrize(("kind", "scorer"), CASES)
def test_a_repair_is_the_model_masked_by_hand(kind, scorer, tmp_path):
    source, out = save(kind, tmp_path / "source"), tmp_path / "out"
    options = {"step": 0.025} if scorer == "contrast" else {}  # two rounds are as good as many
    manifest = fixed(source, out, scorer=scorer, **options).manifest
    assert manifest.coverage >= 0.95
    assert verify(out, source=source).ok
    rebuilt = apply(out, source, out=tmp_path / "rebuilt")
    for name in Checkpoint.open(source).files:
        assert (rebuilt / name).read_bytes() == (out / name).read_bytes()

    by_hand, repaired = loaded(source), loaded(out)
    chosen = masks(source, out, tmp_path / "mask")
    untouched = logits(by_hand)
    with torch.no_grad():
        for name, parameter in by_hand.named_parameters():
            parameter[chosen[name].bool()] = 0
    assert torch.equal(logits(by_hand), logits(repaired))
    assert not torch.equal(untouched, logits(repaired))
    assert sum(site.masked for site in manifest.sites) == sum(
        int(mask.sum()) for mask in chosen.values()
    )
    if kind in tiny.EXPERTS:
        check_tokens(manifest, scorer)


def check_tokens(manifest, scorer: str) -> None:
    """Every token went to as many experts as the router chooses, by every set that passed."""
    experts = [site for site in manifest.sites if "experts." in site.kind]
    assert experts
    # A magnitude asks for no pass; the protected entries do, on the utility set.
    passed = {"wanda": {"realign", "utility"}, "magnitude": {"utility"}}
    passed |= {"gradient": {"realign", "utility"}, "contrast": {"realign", "refusal", "utility"}}
    assert all(passed[scorer] <= {*site.tokens, "realign"} for site in experts)
    totals: dict = {}
    for site in experts:
        for name, counts in site.tokens.items():
            for count in counts.values():
                key = (site.block, site.kind, name)
                totals[key] = totals.get(key, 0) + count
    by_set: dict = {}
    for (_, _, name), total in totals.items():
        by_set.setdefault(name, set()).add(total)
    assert all(len(found) == 1 and min(found) > 0 for found in by_set.values()), by_set


FORMS = [
    pytest.param(kind, scope, marks=[] if kind == "mixtral" else [pytest.mark.slow])
    for kind in ("mixtral", "qwen3_moe", "deepseek_v3")
    for scope in ("row", "tensor", "global")
]


def in_both_forms(kind: str, folder: Path, digits: int | None = None, **options) -> dict:
    """The mask of a model whose file has a tensor for each expert, and fused ones: the same."""
    found = []
    for form, original in (("each", True), ("fused", False)):
        source = save(kind, folder / form, digits=digits, save_original_format=original)
        names = " ".join(Checkpoint.open(source).entries)
        assert ("gate_up_proj" in names) != original
        manifest = fixed(source, folder / f"{form}-out", **options).manifest
        found.append((manifest, masks(source, folder / f"{form}-out", folder / f"{form}-mask")))
    (one, first), (two, second) = found
    assert len(one.sites) > len(two.sites)
    assert sum(site.masked for site in one.sites) == sum(site.masked for site in two.sites) > 0
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    return first


@pytest.mark.quick("mixtral-row")
@pytest.mark.parametrize(("kind", "scope"), FORMS)
def test_a_fused_file_and_one_with_a_tensor_an_expert_get_the_same_mask(kind, scope, tmp_path):
    first = in_both_forms(kind, tmp_path, scope=scope)
    if scope == "row":  # by the model's own layout: every row of every expert loses as much
        fused = next(value for name, value in first.items() if name.endswith("gate_up_proj"))
        assert set(fused.sum(dim=-1).unique().tolist()) <= {0.0, float(round(0.05 * 32))}


@pytest.mark.quick("global")
@pytest.mark.parametrize("scope", ["tensor", "global"])
def test_ties_are_broken_alike_in_both_forms(scope, tmp_path):
    """Weights of a few values: almost every score has its like in another expert."""
    options = {"scorer": "magnitude", "protect": 0.0, "scope": scope}
    mask = in_both_forms("mixtral", tmp_path, digits=1, **options)
    source = load_file(tmp_path / "fused" / "model.safetensors")
    values = torch.cat([value.abs().flatten() for name, value in source.items() if name in mask])
    chosen = torch.cat([mask[name].flatten() for name in source if name in mask]).bool()
    least = values[chosen].min()
    assert (values[~chosen] == least).any(), "the cut goes through equal scores"


def test_many_experts_make_neither_a_long_record_nor_a_weak_proof(tmp_path):
    """Card and manifest follow what was masked; every entry is proved all the same."""
    sizes = []
    for experts in (16, 128):
        source, out = tmp_path / f"{experts}", tmp_path / f"{experts}-out"
        save("mixtral", source, shape={"num_local_experts": experts})
        ratio = 0.01 * 16 / experts
        manifest = fixed(source, out, scope="global", ratio=ratio).manifest
        assert len(manifest.sites) > 3 * 3 * experts and load_manifest(out) == manifest
        assert verify(out, source=source).exit_code == 0
        sizes.append([(out / name).stat().st_size for name in ("README.md", MANIFEST_NAME)])
    assert all(many < 1.5 * few for few, many in zip(*sizes, strict=True)), sizes
    unmasked = next(site for site in manifest.sites if not site.masked and "w1" in site.name)
    with (out / "model.safetensors").open("r+b") as file:
        file.seek(Checkpoint.open(out).entries[unmasked.name].offset)
        file.write(b"\1")
    found = verify(out, source=source).findings
    assert ("outside-mask", unmasked.name) in {(each.code, each.tensor) for each in found}


UNSEEN = {
    "deepseek_v3": ("gate.e_score_correction_bias", "experts.2.{}_proj.weight"),
    "gpt_oss": ("router.bias", "experts.gate_up_proj#2.{}"),
}
"""What keeps tokens away from an expert, and what its gate and up projections are called."""


@pytest.mark.quick("gpt_oss")
@pytest.mark.parametrize("kind", UNSEEN)
def test_an_expert_without_a_token_is_left_alone_and_named(kind, tmp_path):
    source, out = save(kind, tmp_path / "source"), tmp_path / "out"
    bias, name = UNSEEN[kind]
    mlp = "model.layers.1.mlp."
    weights = load_file(source / "model.safetensors")
    weights[mlp + bias][2] = -1000
    save_file(weights, source / "model.safetensors", {"format": "pt"})
    manifest = fixed(source, out).manifest
    skipped = {
        key for key, why in manifest.skipped.items() if why.endswith("routed to this expert")
    }
    assert {mlp + name.format("gate"), mlp + name.format("up")} < skipped
    chosen = masks(source, out, tmp_path / "mask")
    for leaf in ("gate_up_proj", "down_proj"):
        masked = chosen[f"{mlp}experts.{leaf}"].flatten(1).sum(dim=1)
        assert masked[2] == 0
        assert (masked > 0).sum() >= 2
    counts = [
        site.tokens["realign"][2]
        for site in manifest.sites
        if site.name.startswith(mlp) and 2 in site.tokens.get("realign", {})
    ]
    assert counts
    assert not any(counts)


TAKEN = [
    ("gpt2", "_is_conv1d", "no prunable matrix was found in the blocks of GPT2LMHeadModel"),
    ("phi3", "is_linear", "no prunable matrix was found in the blocks of Phi3ForCausalLM"),
    ("mixtral", "is_experts", r"only \d+\.\d% of the blocks' matrices can be repaired"),
]


@pytest.mark.quick("mixtral-*")
@pytest.mark.parametrize(("kind", "taken", "said"), TAKEN)
def test_a_kind_of_module_that_is_not_known_stops_the_command(
    kind, taken, said, tmp_path, monkeypatch, capsys
):
    source = save(kind, tmp_path / "source")
    given = [f"--{name}={paths.sets[name]}" for name in SETS]
    command = ["fix", str(source), *given, "--borderline=none", "--reference=none", "--json",
               "--ratio=0.05", "--no-evaluate", "--scorer=wanda", "--examples=8",
               f"--out={tmp_path / 'out'}"]  # fmt: skip
    monkeypatch.setattr(matrices, taken, lambda module: False)
    assert run(command) == 6
    error = json.loads(capsys.readouterr().out)["error"]
    assert re.match(said, error["message"])
    assert error["hint"]
    assert not list(tmp_path.glob("out*"))
    monkeypatch.undo()
    assert run(command) == 0


def test_names_that_training_wrapped_stay_in_files_and_mask(tmp_path):
    source = save("llama", tmp_path / "source")
    tensors = load_file(source / "model.safetensors")
    wrapped = {f"_orig_mod.{name}": tensor for name, tensor in tensors.items()}
    save_file(wrapped, source / "model.safetensors", {"format": "pt"})
    made = fixed(source, tmp_path / "out")
    assert any("training left its wrapper in names such as _orig_mod." in w for w in made.warnings)
    assert load_file(tmp_path / "out" / "model.safetensors").keys() == wrapped.keys()
    assert verify(tmp_path / "out", source=source).ok


def test_names_as_on_the_hub_and_tensors_that_the_model_does_not_know(tmp_path):
    """GPT-2 as it was first uploaded: no prefix, and the causal masks among the weights."""
    source = save("gpt2", tmp_path / "source")
    weights = {
        name.removeprefix("transformer."): value
        for name, value in load_file(source / "model.safetensors").items()
    }
    for block in range(3):
        weights[f"h.{block}.attn.bias"] = torch.ones(64, 64).tril()[None, None]
    save_file(weights, source / "model.safetensors", {"format": "pt"})
    manifest = fixed(source, tmp_path / "out").manifest
    assert {site.name for site in manifest.sites} >= {"h.0.attn.c_attn.weight"}
    after = load_file(tmp_path / "out" / "model.safetensors")
    assert after.keys() == weights.keys()
    assert torch.equal(after["h.0.attn.bias"], weights["h.0.attn.bias"])
    assert verify(tmp_path / "out", source=source).ok
    zeroed = (after["h.0.attn.c_attn.weight"] == 0).sum(dim=0)
    assert set(zeroed.tolist()) == {round(0.05 * 32)}  # a row of [out, in] is a column here


def test_what_is_not_the_language_part_is_kept_byte_for_byte(tmp_path):
    source = save("gemma3", tmp_path / "source")
    manifest = fixed(source, tmp_path / "out").manifest
    assert all("language_model" in site.name for site in manifest.sites)
    before, after = (load_file(f / "model.safetensors") for f in (source, tmp_path / "out"))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {site.name for site in manifest.sites if site.masked}
    assert len(before) > len(changed) > 0
