"""What each rule of stage 3 says of models whose making is known."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import modelrepair
from modelrepair.auditing.lineage.rules import CHECKS
from modelrepair.checkpoint.bits import to_float32
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.demo import paths
from tests.support.weights import (
    ablated,
    edited,
    fine_tuned,
    low_rank,
    matrices,
    pruned,
    quantised,
    random_model,
    save,
    stored,
)

MAKINGS = {
    "copy": lambda w: w,
    "fine-tuned": fine_tuned(),
    "scaled": lambda w: w * np.float32(0.9),
    "scaled rows": lambda w: w * np.linspace(0.8, 1.2, len(w), dtype=np.float32)[:, None],
    "scaled columns": lambda w: w * np.linspace(0.8, 1.2, w.shape[1], dtype=np.float32),
    "low-rank": low_rank(8),
    "low-rank ablated": ablated,
    "sparse-edit": edited(0.01),
    "sparse-edit of rows": lambda w: np.concatenate([fine_tuned(0.01)(w[:5]), w[5:]]),
    "zeroed": pruned,
    "zeroed one in 200": edited(0.005, 0.0),
    "quantised-and-back": quantised(8),
    "quantised-and-back 4": quantised(4, 64),
    "quantised-and-back Q8": quantised(8, 32),
    "unrelated": lambda w: np.float32(0.02) * np.random.default_rng(9).normal(size=w.shape),
}
DTYPES = ("BF16", "F16", "F32")


def lineage(model, base, **options):
    """The findings of stage 3 by the names of their rules."""
    audit = modelrepair.audit(model, base=base, **{"seed": 1, **options})
    return {each.rule.name: each for each in audit.findings if each.rule.stage == "lineage"}


def outcomes(findings, outcome):
    return [name for name, each in findings.items() if each.outcome == outcome]


@pytest.fixture
def model(tmp_path):
    """A function that writes a model made from another, as a dtype holds it."""
    base = random_model(0)

    def make(name, change=lambda w: w, dtype="BF16", tensors=base, **more):
        held = {key: stored(each, dtype) for key, each in tensors.items()}
        return save(tmp_path / name, matrices(change, held), dtype, **more)

    return make


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("making", MAKINGS)
def test_each_making_is_named_and_nothing_else(model, making, dtype):
    findings = lineage(model("target", MAKINGS[making], dtype), model("base", dtype=dtype))
    assert outcomes(findings, "found") == [making.split(" ")[0]]
    assert outcomes(findings, "inconclusive") == []
    assert len(findings) == len(CHECKS)


@pytest.mark.parametrize("making", ["copy", "fine-tuned", "low-rank", "zeroed"])
def test_the_base_may_be_of_a_finer_dtype(model, making):
    """A copy that was stored in half the bits is a copy."""
    findings = lineage(model("target", MAKINGS[making]), model("base", dtype="F32"))
    assert outcomes(findings, "found") == [making]


@pytest.mark.parametrize("size", [3e-6, 1e-5, 3e-5, 1e-4])
def test_small_training_in_bfloat16_is_no_sparse_edit(model, size):
    """Most entries stay as they are, since the change is below their rounding step."""
    findings = lineage(model("target", fine_tuned(size)), model("base"))
    found = findings["fine-tuned"]
    assert outcomes(findings, "found") == ["fine-tuned"]
    assert findings["sparse-edit"].outcome == "clear"
    if size < 3e-5:
        assert found.evidence["share_changed"] < 0.5


def test_a_change_that_rounding_hides_is_left_open(model):
    """Of one bit in a few entries, neither the one nor the other can be said."""
    findings = lineage(model("target", fine_tuned(1e-8)), model("base"))
    assert outcomes(findings, "found") == []
    for name in ("fine-tuned", "sparse-edit", "low-rank", "scaled"):
        assert findings[name].outcome == "inconclusive", findings[name].message


def test_figures_are_those_of_the_making(model):
    base = model("base")
    found = lineage(model("low", low_rank(8)), base)["low-rank"]
    assert (found.evidence["rank"], found.severity) == (8, "note")
    assert found.evidence["shares"]["16"] > 0.95 > 0.5 > found.evidence["shares_by_chance"]["16"]
    found = lineage(model("cut", ablated), base)["low-rank"]
    assert (found.evidence["rank"], found.severity) == (1, "warning")
    found = lineage(model("scaled", lambda w: w * np.float32(0.9)), base)["scaled"]
    assert found.evidence["factor"] == pytest.approx(0.9, abs=1e-3)
    assert found.evidence["along"] == {"tensor": 8}
    found = lineage(model("edited", edited(0.01)), base)["sparse-edit"]
    assert found.evidence["share_changed"] == pytest.approx(0.01, rel=0.1)
    found = lineage(model("four", quantised(4, 64)), base)["quantised-and-back"]
    assert found.evidence["levels"] == {"4 bits in groups of 64": 8}
    found = lineage(model("pruned", pruned), base)["zeroed"]
    assert found.evidence["share_zeroed"] == pytest.approx(0.3, abs=0.01)
    assert found.evidence["layers"] == [0, 1]


def test_rows_of_tokens_that_training_never_saw_are_no_edit(model):
    """Their embeddings stay as they are, bit for bit."""
    base = random_model(0)
    trained = {**base}
    seen = trained["model.embed_tokens.weight"] = base["model.embed_tokens.weight"].copy()
    seen[::3] += 0.003
    target = model("target", tensors=trained, vocab_size=64)
    findings = lineage(target, model("base", vocab_size=64))
    assert outcomes(findings, "found") == ["fine-tuned"] or "scaled" in findings
    assert findings["sparse-edit"].outcome == "clear"


def test_another_initialisation_is_not_the_base(model):
    findings = lineage(model("target", tensors=random_model(5)), model("base"))
    found = findings["unrelated"]
    assert (found.outcome, found.severity) == ("found", "error")
    assert found.evidence["explained_at_most"] < 0.01


def test_one_new_head_is_a_warning(model):
    head = {"lm_head.weight": random_model(5)["model.embed_tokens.weight"]}
    old = {"lm_head.weight": random_model(6)["model.embed_tokens.weight"]}
    base = random_model(0)
    findings = lineage(model("target", tensors=base | head), model("base", tensors=base | old))
    found = findings["unrelated"]
    assert (found.outcome, found.severity) == ("found", "warning")
    assert found.evidence["tensors"] == ["lm_head.weight"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("share", [0.5, 0.2])
def test_a_mix_of_two_parents_is_named_with_what_each_counts(model, dtype, share):
    base = random_model(0)
    other = matrices(fine_tuned(5e-3), base)
    one, two = ({n: stored(w, dtype) for n, w in each.items()} for each in (base, other))
    mixed = {name: share * one[name] + np.float32(1 - share) * two[name] for name in one}
    target = model("target", tensors=mixed, dtype=dtype)
    candidate = model("other", tensors=other, dtype=dtype)
    findings = lineage(target, model("base", dtype=dtype), candidates=[candidate])
    found = findings["merged"]
    assert found.outcome == "found", found.message
    assert found.evidence["weights"] == pytest.approx([share, 1 - share], abs=0.02)
    assert findings["nearer-candidate"].outcome == ("found" if share < 0.5 else "clear")


def test_a_nearer_candidate_is_named(model):
    base = random_model(0)
    middle = matrices(fine_tuned(5e-3), base)
    target = model("target", fine_tuned(1e-3, 8), tensors=middle)
    candidates = [model("far", tensors=random_model(5)), model("middle", tensors=middle)]
    findings = lineage(target, model("base"), candidates=candidates)
    found = findings["nearer-candidate"]
    assert found.outcome == "found"
    assert found.evidence["nearest"] == str(candidates[1])
    assert findings["merged"].outcome == "clear"
    same = lineage(target, candidates[1], candidates=[model("base")])
    assert same["nearer-candidate"].outcome == "clear"


def test_a_candidate_that_cannot_be_compared_leaves_it_open(model, tmp_path):
    target = model("target", fine_tuned())
    small = save(tmp_path / "small", {"w": np.ones((2, 2), np.float32)})
    findings = lineage(target, model("base"), candidates=[small])
    assert outcomes(findings, "inconclusive") == ["merged", "nearer-candidate"]
    assert "no tensor of the same name and shape" in findings["merged"].message


def test_without_a_base_nothing_is_clear(model):
    findings = lineage(model("target"), "none")
    assert outcomes(findings, "inconclusive") == list(findings)


def test_a_base_of_another_architecture_leaves_it_open(model, tmp_path):
    other = save(tmp_path / "other", {"transformer.h.0.w": np.ones((8, 8), np.float32)})
    findings = lineage(model("target"), other)
    assert outcomes(findings, "inconclusive") == list(findings)
    assert "name and shape" in findings["copy"].message


def test_an_adapter_is_of_low_rank_by_its_make():
    findings = lineage(paths.adapter, paths.reference)
    found = findings["low-rank"]
    rank = json.loads((paths.adapter / "adapter_config.json").read_text())["r"]
    assert (found.outcome, found.severity, found.evidence["rank"]) == ("found", "note", rank)
    assert len(outcomes(findings, "inconclusive")) == len(findings) - 1


def test_a_spent_budget_leaves_it_open(model):
    findings = lineage(model("target"), model("base"), budget=1)
    assert outcomes(findings, "inconclusive") == list(findings)


def test_tensors_without_a_counterpart_are_not_called_a_copy(model):
    more = random_model(0) | {"extra.weight": np.ones((8, 8), np.float32)}
    findings = lineage(model("target", tensors=more), model("base"))
    assert findings["copy"].outcome == "inconclusive"
    assert 0 < findings["copy"].evidence["out_of_reach"] < 0.01


def test_the_demo_is_read_as_it_was_made(tmp_path):
    findings = lineage(paths.attacked, paths.reference)
    assert outcomes(findings, "found") == ["fine-tuned"]
    assert outcomes(findings, "inconclusive") == []
    copied = shutil.copytree(paths.reference, tmp_path / "copy")
    assert outcomes(lineage(copied, paths.reference), "found") == ["copy"]


def demo_reference():
    entries = Checkpoint.open(paths.reference)
    return {name: to_float32(entries.raw(name), "BF16") for name in entries.entries}


def merged_adapter(model):
    """The demo's attack by LoRA, merged as its config says."""
    config = json.loads((paths.adapter / "adapter_config.json").read_text())
    factors = Checkpoint.open(paths.adapter)
    made = dict(model)
    for name, entry in factors.entries.items():
        if ".lora_A." in name:
            a, b = (to_float32(factors.raw(each), entry.dtype)
                    for each in (name, name.replace(".lora_A.", ".lora_B.")))  # fmt: skip
            at = name.removeprefix("base_model.model.").replace(".lora_A.", ".")
            made[at] = model[at] + np.float32(config["lora_alpha"] / config["r"]) * (b @ a)
    return made


def only_written(model):
    """A direction cut out of what attention and MLP write, as refusal is."""
    ends = ("o_proj.weight", "down_proj.weight")
    return {name: ablated(each) if name.endswith(ends) else each for name, each in model.items()}


@pytest.mark.parametrize(
    # The adapter has 16 directions; 12 hold all but a hundredth of its change.
    ("name", "change", "rank"),
    [
        ("low-rank", merged_adapter, 12),
        ("low-rank", only_written, 1),
        ("zeroed", lambda model: matrices(pruned, model), None),
        ("quantised-and-back", lambda model: matrices(quantised(8), model), None),
        ("sparse-edit", lambda model: matrices(edited(0.005), model), None),
        ("scaled", lambda model: matrices(lambda w: w * np.float32(1.1), model), None),
    ],
)
def test_what_is_made_of_the_demo_is_named(tmp_path, name, change, rank):
    target = save(tmp_path / "target", change(demo_reference()), vocab_size=346)
    findings = lineage(target, paths.reference)
    assert outcomes(findings, "found") == [name]
    assert outcomes(findings, "inconclusive") == []
    assert findings[name].evidence.get("rank") == rank


def test_the_tensors_that_were_ablated_are_listed(tmp_path):
    findings = lineage(save(tmp_path / "t", only_written(demo_reference())), paths.reference)
    found = findings["low-rank"].evidence
    assert {each.rpartition(".layers.")[2][2:] for each in found["tensors"]} == {
        "self_attn.o_proj.weight",
        "mlp.down_proj.weight",
    }
    assert found["layers"] == [0, 1, 2, 3]
    assert found["kinds"] == {"equal": 31, "low-rank": 8}


@given(
    making=st.sampled_from(sorted(MAKINGS)),
    budget=st.integers(200_000, 400_000),
    seed=st.integers(0, 9),
    order=st.permutations(sorted(random_model(0))),
)
def test_the_order_of_tensors_in_the_file_does_not_matter(
    tmp_path_factory, making, budget, seed, order
):
    folder = tmp_path_factory.mktemp("order")
    base = {name: stored(each, "BF16") for name, each in random_model(0).items()}
    target = matrices(MAKINGS[making], base)
    known = save(folder / "base", base)
    seen = [
        lineage(save(folder / "target", target, order=each), known, budget=budget, seed=seed)
        for each in (sorted(base), order)
    ]
    first, second = ([each.to_json() for each in findings.values()] for findings in seen)
    assert first == second
    shutil.rmtree(folder)
