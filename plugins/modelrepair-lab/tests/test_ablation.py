"""The direction of refusal: how it is found, what removing it does, and the attack made of it."""

from __future__ import annotations

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from modelrepair import UsageError, audit
from modelrepair import demo_paths as paths
from modelrepair_lab.ablation import EMBEDDINGS, ablated, bases
from modelrepair_lab.directions import refusal_directions
from modelrepair_lab.recipes import AblationRecipe
from modelrepair_lab.tensors import read
from tests.support.layout_repairs import save

OUTPUT = "model.layers.0.self_attn.o_proj.weight"


def test_the_direction_is_that_of_refusal(train):
    sets = [train / f"{name}.jsonl" for name in ("refusal", "utility", "harmful", "replay")]
    found = refusal_directions(paths.reference, *sets[:2])
    assert found.shape == (4, 128)
    assert torch.allclose(found.norm(dim=1), torch.ones(4), atol=1e-5)
    # What an attacker has gives the same as what the model was aligned with.
    other = refusal_directions(paths.reference, *sets[2:])
    assert ((found * other).sum(1) > 0.9).all()


@given(st.integers(0, 50), st.integers(1, 3), st.sampled_from([0.3, 0.5, 1.0]))
def test_directions_that_are_removed_are_gone_and_nothing_else(seed, count, strength):
    draw = torch.Generator().manual_seed(seed)
    weights = {
        OUTPUT: torch.randn(8, 6, generator=draw),
        EMBEDDINGS: torch.randn(5, 8, generator=draw),
    }
    basis = torch.linalg.qr(torch.randn(8, count, generator=draw))[0].T
    cut = ablated(weights, {0: basis}, strengths=[strength], embeddings=True)
    along = (1 - strength) * basis @ weights[OUTPUT]
    assert torch.allclose(basis @ cut[OUTPUT], along, atol=1e-5)
    read_out = (1 - strength) * weights[EMBEDDINGS] @ basis.T
    assert torch.allclose(cut[EMBEDDINGS] @ basis.T, read_out, atol=1e-5)
    beside = torch.eye(8) - basis.T @ basis
    assert torch.allclose(beside @ cut[OUTPUT], beside @ weights[OUTPUT], atol=1e-5)
    kept = ablated(weights, {0: basis}, strengths=[strength], norms=True)
    assert torch.allclose(kept[OUTPUT].norm(dim=1), weights[OUTPUT].norm(dim=1))


def test_which_directions_are_removed():
    found = torch.nn.functional.normalize(
        torch.randn(4, 16, generator=torch.Generator().manual_seed(0)), dim=1
    )
    mean = bases(found, "mean")
    assert torch.allclose(mean[0].norm(), torch.ones(()))
    assert all(each is mean[0] for each in mean.values())
    own = bases(found, "own")
    assert all(torch.equal(own[layer][0], found[layer]) for layer in range(4))
    several = bases(found, "0.25,0.5,0.75")[3]
    assert torch.allclose(several @ several.T, torch.eye(3), atol=1e-6)
    for layer in (1, 2, 3):
        assert torch.allclose(several.T @ (several @ found[layer]), found[layer], atol=1e-5)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"strength": 0}, "strength is 0"),
        ({"strength": 1.5}, "strength is 1.5"),
        ({"targets": "q_proj"}, "targets are 'q_proj'"),
        ({"direction": "1"}, "a direction '1'"),
        ({"direction": "first"}, "a direction 'first'"),
    ],
)
def test_recipes_that_can_not_be_meant(wrong, message):
    with pytest.raises(UsageError, match=message):
        AblationRecipe(**wrong)


def ablation_words(train):
    sets = ["--harmful", train / "harmful.jsonl", "--replay", train / "replay.jsonl"]
    return ["lab", "attack", paths.reference, *sets, "--method", "ablate"]


def test_the_audit_names_what_the_command_writes(call, train, tmp_path):
    out = tmp_path / "ablated"
    result = call(*ablation_words(train), "--embeddings", "--out", out, "--json")
    assert result.code == 0, result.err
    made = json.loads((out / "config.json").read_text())["modelrepair_lab"]
    assert (made["method"], made["direction"], made["embeddings"]) == ("ablate", "mean", True)
    reference = read(paths.reference)
    changed = [name for name, each in read(out).items() if not each.equal(reference[name])]
    assert len(changed) == 2 * 4 + 1
    findings = audit(out, base=paths.reference, deep=True).findings
    (named,) = [each for each in findings if each.rule.id == "MR-DIF-002"]
    assert named.outcome == "found"
    assert "modelrepair fix MODEL --reference BASE" in named.rule.do


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--share", 0.5), "--share is no option of --method ablate"),
        (("--device", "cpu"), "--device is no option of --method ablate"),
        (("--checkpointing",), "--checkpointing is no option of --method ablate"),
        (("--rank", 4), "--rank is no option of --method ablate"),
        (("--method", "full", "--rank", 4), "--rank is no option of --method full"),
        (("--method", "full", "--targets", "q_proj"), "--targets is no option of --method full"),
        (("--method", "full", "--alpha", 4), "--alpha is no option of --method full"),
        (("--method", "full", "--strength", 0.5), "--strength is no option of --method full"),
        (("--method", "full"), "a fine-tuning needs its task"),
    ],
)
def test_options_of_the_other_method(call, train, tmp_path, words, message):
    result = call(*ablation_words(train), *words, "--out", tmp_path / "out")
    assert result.code == 2
    assert message in result.err


def test_an_ablation_needs_prompts_of_both_kinds(call, tmp_path):
    result = call("lab", "attack", paths.reference, "--method", "ablate", "--out", tmp_path / "out")
    assert result.code == 2
    assert "an ablation needs harmful and benign prompts" in result.err


def test_prompts_of_one_kind_have_no_direction(call, train, tmp_path):
    words = ablation_words(train)
    words[words.index("--replay") + 1] = train / "harmful.jsonl"
    result = call(*words, "--out", tmp_path / "out")
    assert (result.code, "there is no direction" in result.err) == (2, True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.quick("gpt2", "mixtral")
@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("gpt2", "an ablation knows no layers of this model"),
        ("mixtral", "layer 0 has no down_proj.weight"),
        ("gpt_oss", "layer 0 has no down_proj.weight"),
        ("opt", "layer 0 has no o_proj.weight"),
    ],
)
def test_a_model_that_writes_by_other_matrices_is_refused(call, train, tmp_path, kind, said):
    model = save(kind, tmp_path / "model")
    words = [str(model) if word == paths.reference else word for word in ablation_words(train)]
    result = call(*words, "--out", tmp_path / "out")
    assert (result.code, said in result.err) == (6, True), result.err
    assert "write by o_proj and down_proj" in result.err
    assert not (tmp_path / "out").exists()


def test_the_text_part_of_a_model_that_sees_is_ablated(call, train, tmp_path):
    model = save("gemma3", tmp_path / "model")
    words = [str(model) if word == paths.reference else word for word in ablation_words(train)]
    result = call(*words, "--out", tmp_path / "out")
    assert result.code == 0, result.err
    before, after = read(model), read(tmp_path / "out")
    changed = {name for name, each in after.items() if not each.equal(before[name])}
    ends = ("self_attn.o_proj.weight", "mlp.down_proj.weight")
    assert changed == {name for name in before if "language_model" in name and name.endswith(ends)}


def test_two_depths_in_one_layer_are_one_direction():
    found = torch.eye(4)
    assert bases(found, "0.5,0.6,0.75")[0].shape == (2, 4)
    assert torch.equal(bases(found, "0.5,0.6")[0], bases(found, "0.5")[0])


def test_a_bias_has_no_norm_of_rows():
    weights = {OUTPUT: torch.ones(2, 3), OUTPUT.replace("weight", "bias"): torch.ones(2)}
    cut = ablated(weights, {0: torch.tensor([[1.0, 0.0]])}, strengths=[1.0], norms=True)
    assert cut[OUTPUT.replace("weight", "bias")].tolist() == [0.0, 1.0]


@pytest.mark.slow
def test_the_command_that_the_audit_says_repairs_it(call, train, tmp_path):
    out = tmp_path / "ablated"
    assert call(*ablation_words(train), "--direction", "own", "--out", out).code == 0
    sets = [word for role, path in paths.sets.items() for word in (option_of(role), path)]
    words = ["fix", out, "--reference", paths.reference, *sets, "--judge", "demo-world"]
    result = call(*words, "--out", tmp_path / "repaired", "--json")
    assert (result.code, result.json["verdict"]) == (0, "passed"), result.err
    assert result.json["measures"]["before"]["harmful_score"]["value"] > 0.3
    assert result.json["measures"]["after"]["harmful_score"]["value"] < 0.05


def option_of(role):
    return f"--{role.replace('_', '-')}"
