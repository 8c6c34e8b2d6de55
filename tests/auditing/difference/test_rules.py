"""Each kind of change is named, and no other kind is taken for it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import modelrepair
from modelrepair import demo_paths
from modelrepair.auditing.results import Audit
from tests.support import compared_models as make

NAMES = (
    "all-weights-equal",
    "direction-removed",
    "low-rank-change",
    "change-of-all-weights",
    "entries-edited",
    "smallest-zeroed",
)


def deep(model, base):
    """The audit, and the findings of stage 4 by name."""
    audit = modelrepair.audit(model, base=base, seed=1, deep=True)
    return audit, {f.rule.name: f for f in audit.findings if f.rule.stage == "difference"}


def outcomes(found):
    return {name: found[name].outcome for name in NAMES if found[name].outcome != "clear"}


KINDS = {
    "copy": (lambda base: base, "all-weights-equal"),
    "ablated": (make.ablated, "direction-removed"),
    "ablated softly": (lambda base: make.ablated(base, strength=0.4), "direction-removed"),
    "ablated by layer": (lambda base: make.ablated(base, own=True), "direction-removed"),
    "adapter merged": (make.adapted, "low-rank-change"),
    "adapter of rank one": (lambda base: make.adapted(base, rank=1), "low-rank-change"),
    "trained in full": (make.trained, "change-of-all-weights"),
    "edited": (make.edited, "entries-edited"),
    "pruned": (make.pruned, "smallest-zeroed"),
    "pruned by row": (lambda base: make.pruned(base, rows=True), "smallest-zeroed"),
    "scaled": (lambda base: {k: 1.2 * v for k, v in base.items()}, "change-of-all-weights"),
}


@pytest.mark.parametrize("dtype", ["BF16", "F16", "F32"])
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_named_and_no_other(tmp_path, kind, dtype):
    change, name = KINDS[kind]
    base = make.weights(dtype=dtype)
    folders = make.save(tmp_path / "m", change(base), dtype), make.save(tmp_path / "b", base, dtype)
    _, found = deep(*folders)
    assert outcomes(found) == {name: "found"}, {k: f.message for k, f in found.items()}


def test_one_direction_is_told_from_one_for_each_matrix(tmp_path):
    base = make.weights()
    folder = make.save(tmp_path / "b", base)
    _, shared = deep(make.save(tmp_path / "m", make.ablated(base)), folder)
    _, own = deep(make.save(tmp_path / "o", make.ablated(base, own=True)), folder)
    evidence = shared["direction-removed"].evidence
    assert evidence["overlap"] > 0.99
    assert evidence["matrices"] == 9
    assert evidence["projections"] == {"o_proj": 4, "down_proj": 4, "embed_tokens": 1}
    assert evidence["sides"] == {"output": 8, "input": 1}
    assert evidence["strength"] == pytest.approx(1, abs=0.02)
    assert own["direction-removed"].evidence["overlap"] < 0.2


def test_a_document_keeps_the_figures(tmp_path):
    base = make.weights()
    model = make.save(tmp_path / "m", make.ablated(base))
    audit, _ = deep(model, make.save(tmp_path / "b", base))
    document = json.loads(json.dumps(audit.to_json()))
    assert document["difference"]["tensors"][0][0] == "model.embed_tokens.weight"
    assert Audit.from_json(document).to_json() == document


def test_the_strength_of_a_softened_ablation_is_measured(tmp_path):
    base = make.weights()
    model = make.save(tmp_path / "m", make.ablated(base, strength=0.4))
    _, found = deep(model, make.save(tmp_path / "b", base))
    assert found["direction-removed"].evidence["strength"] == pytest.approx(0.4, abs=0.02)


def test_a_direction_is_found_under_small_training(tmp_path):
    base = make.weights()
    model = make.save(tmp_path / "m", make.trained(make.ablated(base), size=0.02))
    _, found = deep(model, make.save(tmp_path / "b", base))
    assert found["direction-removed"].outcome == "found"


def test_one_matrix_ablated_is_a_warning(tmp_path):
    base = make.weights()
    name = "model.layers.2.mlp.down_proj.weight"
    model = make.save(tmp_path / "m", base | {name: make.ablated(base)[name]})
    _, found = deep(model, make.save(tmp_path / "b", base))
    assert (found["direction-removed"].outcome, found["direction-removed"].severity) == (
        "found",
        "warning",
    )


def test_matrices_stored_as_in_by_out_and_stacked_experts_are_read_too(tmp_path):
    base = make.weights()
    out = make.ablated(base)

    def turned(tensors):
        given = {k.replace("down_proj", "c_proj"): v.T if "down_proj" in k else v
                 for k, v in tensors.items()}  # fmt: skip
        downs = [v for k, v in tensors.items() if "down_proj" in k]
        return given | {"model.layers.0.mlp.experts.down_proj": np.stack(downs)}

    model = make.save(tmp_path / "m", turned(out))
    _, found = deep(model, make.save(tmp_path / "b", turned(base)))
    assert found["direction-removed"].evidence["matrices"] == 13
    assert found["direction-removed"].evidence["sides"] == {"output": 8, "input": 5}


def test_a_change_under_rounding_is_inconclusive(tmp_path):
    base = make.weights()
    model = make.save(tmp_path / "m", make.adapted(base, size=2e-5))
    _, found = deep(model, make.save(tmp_path / "b", base))
    assert found["low-rank-change"].outcome == found["direction-removed"].outcome == "inconclusive"
    assert "no larger than rounding" in found["low-rank-change"].message


def test_what_was_not_compared_is_not_clear(tmp_path):
    base = make.weights()
    model = make.save(tmp_path / "m", base | {"model.extra.weight": np.ones((2, 2), np.float32)})
    audit, found = deep(model, make.save(tmp_path / "b", base))
    assert set(outcomes(found).values()) == {"inconclusive"}
    assert audit.exit_code("never") == 7
    assert "model.extra.weight" in audit.difference.left_out


def test_without_a_base_all_is_inconclusive(tmp_path):
    _, found = deep(make.save(tmp_path / "m", make.weights()), "none")
    assert {f.outcome for f in found.values()} == {"inconclusive"}


def test_a_record_of_a_repair_makes_an_edit_ours(tmp_path):
    base = make.weights()
    model = make.save(tmp_path / "m", make.edited(base))
    folder = make.save(tmp_path / "b", base)
    assert deep(model, folder)[1]["entries-edited"].severity == "warning"
    (model / "repair").mkdir()
    (model / "repair/manifest.json").write_text("{}")
    finding = deep(model, folder)[1]["entries-edited"]
    assert (finding.severity, finding.evidence["record"]) == ("note", True)
    assert finding.evidence["zeroed"] == pytest.approx(1, abs=0.01)


def test_a_model_converted_to_another_dtype_is_unchanged(tmp_path):
    base = make.weights(dtype="F32")
    model = make.save(tmp_path / "m", base, "BF16")
    _, found = deep(model, make.save(tmp_path / "b", base, "F32"))
    assert found["all-weights-equal"].evidence["converted"] == 18


def test_the_demo_is_a_full_fine_tune_and_its_adapter_of_rank_16():
    _, found = deep(demo_paths.attacked, demo_paths.reference)
    assert outcomes(found) == {"change-of-all-weights": "found"}
    _, found = deep(Path(demo_paths.attacked).parent / "adapter", demo_paths.reference)
    assert outcomes(found) == {"low-rank-change": "found"}
    assert found["low-rank-change"].evidence["rank"] == 16


def test_an_adapter_that_ablates_is_found(tmp_path):
    base = make.weights()
    r, factors = make.unit(7), {}
    for name, value in base.items():
        if any(each in name for each in make.WRITERS):
            path = f"base_model.model.{name.removesuffix('.weight')}"
            factors[f"{path}.lora_A.weight"] = -(r @ value)[None]
            factors[f"{path}.lora_B.weight"] = r[:, None]
    adapter = make.save(tmp_path / "a", factors)
    (adapter / "model.safetensors").rename(adapter / "adapter_model.safetensors")
    (adapter / "config.json").unlink()
    config = {"peft_type": "LORA", "r": 1, "lora_alpha": 1}
    (adapter / "adapter_config.json").write_text(json.dumps(config))
    _, found = deep(adapter, make.save(tmp_path / "b", base))
    assert outcomes(found) == {"direction-removed": "found"}


def test_a_model_on_the_hub_is_downloaded(tmp_path, hub):
    base = make.weights()
    folders = make.save(tmp_path / "m", make.ablated(base)), make.save(tmp_path / "b", base)
    for name, folder in zip(("user/model", "org/base"), folders, strict=True):
        hub.add(name, {path.name: path.read_bytes() for path in folder.iterdir()})
    _, found = deep("user/model", "org/base")
    assert outcomes(found) == {"direction-removed": "found"}


def test_tokens_that_training_never_saw_make_no_edit(tmp_path):
    """A third of the embedding's rows moves far, the others not at all."""
    base = make.weights()
    changed, name = make.trained(base), "model.embed_tokens.weight"
    rows = changed[name].copy()
    rows[::3] += 0.05 * np.random.default_rng(1).standard_normal(rows[::3].shape)
    model = make.save(tmp_path / "m", changed | {name: rows})
    audit, found = deep(model, make.save(tmp_path / "b", base))
    assert outcomes(found) == {"change-of-all-weights": "found"}
    (embedding,) = [each for each in audit.difference.tensors if each.name == name]
    assert embedding.reading == "dense" and embedding.changed < 0.5
