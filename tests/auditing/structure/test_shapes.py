"""Tensors by their headers, against config and base."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelrepair.auditing.checks import CHECKS as ALL
from modelrepair.auditing.structure.shapes import CHECKS
from modelrepair.demo import paths
from tests.support.auditing import (
    CONFIG,
    SHAPES,
    ask,
    check_of,
    document,
    findings,
    model,
    tensors,
    write,
)

DAMAGED, AGAINST, SHAPE, DTYPE, MISSING, EXTRA, TIED, CLAIMED = CHECKS
MTP = {"model.mtp.0.proj.weight": (8, 8)}
TIES = document({**CONFIG, "tie_word_embeddings": True})


def without(*names, **more):
    shapes = {name: shape for name, shape in SHAPES.items() if name not in names}
    return tensors({**shapes, **more})


def pair(tmp_path, own, its=None):
    return write(tmp_path / "m", model(**own)), write(tmp_path / "b", model(**(its or {})))


@pytest.mark.parametrize("stage", ["metadata", "structure"])
def test_a_copy_beside_itself_is_found_in_nothing(stage):
    found = findings(paths.reference, paths.reference, stages=(stage,))
    outcomes = {id: each.outcome for id, each in found.items() if each.outcome != "clear"}
    known = {"MR-LIC-001": "found", "MR-LIC-002": "inconclusive"} if stage == "metadata" else {}
    assert outcomes == known, "the reference has no card"


@given(st.permutations(sorted(SHAPES)))
def test_the_order_of_tensors_changes_nothing(tmp_path_factory, names):
    folder = tmp_path_factory.mktemp("order")
    mixed = tensors({name: SHAPES[name] for name in names})
    target, base = pair(folder, {"model.safetensors": mixed})
    assert all(ask(check, target, base).outcome == "clear" for check in CHECKS)


@pytest.mark.parametrize("check", ALL["structure"], ids=lambda c: c[0].id)
def test_without_a_base_what_needs_one_is_inconclusive(tmp_path, check):
    alone = {"MR-STR-001", "MR-STR-002", "MR-STR-008", "MR-TPL-002", "MR-TPL-003", "MR-GEN-002",
             "MR-ADP-001", "MR-ADP-002", "MR-ADP-003"}  # fmt: skip
    outcome = ask(check, write(tmp_path / "m", model())).outcome
    assert outcome == ("clear" if check[0].id in alone else "inconclusive")


def test_damaged_headers_are_found_and_their_absence_is_inconclusive(tmp_path):
    bad, base = pair(tmp_path, {"model.safetensors": tensors()[:-3]})
    assert ask(DAMAGED, bad).outcome == "found"
    assert ask(SHAPE, bad, base).outcome == "inconclusive"
    none = write(tmp_path / "n", model(**{"model.safetensors": None}))
    assert ask(DAMAGED, none).outcome == "inconclusive"


def test_a_budget_that_is_spent_is_inconclusive(hub):
    hub.add("me/m", model())
    assert ask(DAMAGED, "me/m").outcome == "clear"
    assert ask(DAMAGED, "me/m", budget=100).outcome == "inconclusive"


@pytest.mark.parametrize("change", [{"num_hidden_layers": 9}, {"vocab_size": 500}])
def test_a_config_that_asks_for_more_is_found(tmp_path, change):
    config = document({**CONFIG, **change})
    assert ask(AGAINST, pair(tmp_path, {"config.json": config})[0]).outcome == "found"


def test_other_shapes_are_found_and_more_tokens_are_a_note(tmp_path):
    name = "model.layers.0.mlp.up_proj.weight"
    other = {**SHAPES, name: (18, 8)}
    found = ask(SHAPE, *pair(tmp_path, {"model.safetensors": tensors(other)}))
    assert (found.severity, found.evidence["shapes"]) == ("error", {name: [[16, 8], [18, 8]]})
    grown = {**SHAPES, "model.embed_tokens.weight": (14, 8), "lm_head.weight": (14, 8)}
    found = ask(SHAPE, *pair(tmp_path / "g", {"model.safetensors": tensors(grown)}))
    assert (found.outcome, found.severity) == ("found", "note")
    strange = tensors({"x.weight": (2, 2)})
    found = ask(SHAPE, *pair(tmp_path / "s", {"model.safetensors": strange}))
    assert "another architecture" in found.message


def test_other_types_are_a_note(tmp_path):
    found = ask(DTYPE, *pair(tmp_path, {"model.safetensors": tensors(dtype="float32")}))
    assert found.evidence["changed"] == {"F16 to F32": len(SHAPES)} and found.severity == "note"


@pytest.mark.parametrize(
    ("lost", "severity", "part"),
    [
        ("model.layers.1.mlp.up_proj.weight", "error", "of the blocks"),
        ("lm_head.weight", "error", "head"),
        ("model.norm.weight", "warning", "others"),
    ],
)
def test_missing_tensors_are_found(tmp_path, lost, severity, part):
    found = ask(MISSING, *pair(tmp_path, {"model.safetensors": without(lost)}))
    assert (found.severity, found.evidence["parts"]) == (severity, {part: 1})


def test_lost_heads_for_several_tokens_and_extra_ones_are_found(tmp_path):
    more = {"model.safetensors": without(**MTP)}
    lost = ask(MISSING, *pair(tmp_path, {}, more))
    assert lost.evidence["parts"] == {"heads for several tokens": 1}
    assert lost.severity == "warning"
    assert ask(EXTRA, *pair(tmp_path / "x", more)).evidence["tensors"] == list(MTP)
    buffer = {"model.safetensors": without(**{"model.rotary_emb.inv_freq": (4,)})}
    assert ask(EXTRA, *pair(tmp_path / "r", buffer)).severity == "note"


@pytest.mark.parametrize("stored", ["here", "there"])
@pytest.mark.parametrize("said", [True, None])
def test_a_tied_head_is_the_same_stored_or_not(tmp_path, stored, said):
    config = {key: value for key, value in CONFIG.items() if key != "tie_word_embeddings"}
    if said:
        config["tie_word_embeddings"] = True
    own = {"config.json": document(config)}
    bare = {**own, "model.safetensors": without("lm_head.weight")}
    target, base = pair(tmp_path, *((own, bare) if stored == "here" else (bare, own)))
    assert [ask(check, target, base).outcome for check in (MISSING, EXTRA, TIED)] == ["clear"] * 3


def test_a_head_that_was_untied_is_a_note(tmp_path):
    found = ask(TIED, *pair(tmp_path, {}, {"config.json": TIES}))
    assert (found.outcome, found.severity, found.evidence["tied"]) == ("found", "note", False)


@pytest.mark.parametrize(("size", "severity"), [(1, "warning"), (10**9, "note"), (None, None)])
def test_an_index_that_claims_another_size_is_found(tmp_path, size, severity):
    map_ = dict.fromkeys(SHAPES, "model.safetensors")
    index = json.dumps({"metadata": {"total_size": size}, "weight_map": map_}).encode()
    finding = ask(CLAIMED, pair(tmp_path, {"model.safetensors.index.json": index})[0])
    assert finding.outcome == ("clear" if size is None else "found")
    assert severity in (None, finding.severity)


def test_an_adapter_is_asked_by_its_own_rules():
    found = findings(paths.attacked.parent / "adapter", paths.reference, stages=("structure",))
    assert {each.outcome for each in found.values()} == {"clear"}
    assert found["MR-STR-005"].evidence == {"applicable": False}
    assert check_of(CHECKS, "MR-STR-005") is MISSING
