"""Which base is named, whether it is there, and how the model came from it."""

from __future__ import annotations

import pytest

from modelrepair.auditing.metadata.origin import CHECKS
from tests.support.auditing import CONFIG, ask, card, document, findings, model, tensors, write

CONTRADICTION, UNREACHABLE, RELATION, LAB = CHECKS
ADAPTER = {"adapter_config.json": document({"peft_type": "LORA", "r": 2}),
           "adapter_model.safetensors": tensors({"a.lora_A.weight": (2, 8)}),
           "model.safetensors": None, "config.json": None}  # fmt: skip


def made(tmp_path, front, config=None, adapter=None, **more):
    files = model(**{"README.md": card(**front), **more})
    if config is not None:
        files["config.json"] = document({**CONFIG, **config})
    if adapter is not None:
        files = model(**{"README.md": card(**front), **ADAPTER})
        files["adapter_config.json"] = document({"peft_type": "LORA", **adapter})
    return write(tmp_path / "m", files)


@pytest.mark.parametrize(
    ("front", "config", "adapter", "outcome", "severity"),
    [
        ({}, {}, None, "clear", None),
        ({"base_model": "org/a"}, {}, None, "clear", None),
        ({"base_model": "org/a"}, {"_name_or_path": "/home/x/b"}, None, "clear", None),
        ({"base_model": "org/a"}, {"_name_or_path": "Org/A"}, None, "clear", None),
        ({"base_model": "org/a"}, {"_name_or_path": "org/b"}, None, "found", "note"),
        ({"base_model": ["org/a", "org/b"]}, {"_name_or_path": "org/b"}, None, "clear", None),
        ({"base_model": "org/a"}, None, {"base_model_name_or_path": "org/b"}, "found", "warning"),
        ({"base_model": "org/a"}, None, {"base_model_name_or_path": "org/a"}, "clear", None),
        ({"base_model": {"x": 1}}, {"_name_or_path": 7}, None, "clear", None),
    ],
)
def test_bases_that_contradict_are_found(tmp_path, front, config, adapter, outcome, severity):
    finding = ask(CONTRADICTION, made(tmp_path, front, config, adapter))
    assert finding.outcome == outcome, finding.message
    assert severity in (None, finding.severity)


def test_a_card_that_can_not_be_read_is_inconclusive(tmp_path):
    folder = write(tmp_path / "m", model(**{"config.json": b"{"}))
    assert ask(CONTRADICTION, folder).outcome == "inconclusive"
    assert ask(LAB, folder).outcome == "inconclusive"


def test_a_base_that_is_not_there_is_found(hub):
    hub.add("org/base", model())
    hub.add("me/good", model(**{"README.md": card(base_model="org/base")}))
    hub.add("me/bad", model(**{"README.md": card(base_model="org/none")}))
    hub.add("me/self", model(**{"README.md": card(base_model="me/self")}))
    hub.add("me/none", model())
    outcomes = {
        name: findings(f"me/{name}", stages=("metadata",))["MR-ORI-002"]
        for name in ("good", "bad", "self", "none")
    }
    assert {name: each.outcome for name, each in outcomes.items()} == {
        "good": "clear", "bad": "found", "self": "found", "none": "inconclusive"}  # fmt: skip
    assert "org/none" in outcomes["bad"].message


def test_a_base_that_can_not_be_seen_now_is_inconclusive(hub):
    hub.add("org/base", model(), gated=True)
    hub.add("me/m", model(**{"README.md": card(base_model="org/base")}))
    hub.fail("GET", "api/models/org/base", 429)
    finding = findings("me/m", stages=("metadata",))["MR-ORI-002"]
    assert finding.outcome == "inconclusive", finding


def test_with_another_base_given_the_claim_is_not_called_clear(tmp_path):
    base = write(tmp_path / "b", model())
    folder = made(tmp_path, {"base_model": "org/a"})
    assert ask(UNREACHABLE, folder, base).outcome == "inconclusive"
    (folder / "README.md").write_bytes(card(license="mit"))
    assert ask(UNREACHABLE, folder, base).outcome == "clear"


@pytest.mark.parametrize(
    ("front", "adapter", "outcome"),
    [
        ({}, None, "clear"),
        ({"base_model": "org/a", "base_model_relation": "finetune"}, None, "clear"),
        ({"base_model": "org/a", "base_model_relation": "adapter"}, None, "found"),
        ({"base_model": "org/a", "base_model_relation": "adapter"}, {}, "clear"),
        ({"base_model": "org/a", "base_model_relation": "finetune"}, {}, "found"),
        ({"base_model": "org/a", "base_model_relation": "merge"}, None, "found"),
        ({"base_model": ["org/a", "org/b"], "base_model_relation": "merge"}, None, "clear"),
        ({"base_model": "org/a", "base_model_relation": "quantized"}, None, "found"),
        ({"base_model_relation": "finetune"}, None, "found"),
        ({"base_model": "org/a", "base_model_relation": "friend"}, None, "found"),
        ({"base_model": "org/a", "base_model_relation": ["merge"]}, None, "found"),
    ],
)
def test_a_relation_that_the_files_are_not_is_found(tmp_path, front, adapter, outcome):
    finding = ask(RELATION, made(tmp_path, front, None, adapter))
    assert finding.outcome == outcome, finding.message


def test_a_quantised_model_is_clear_and_damaged_weights_decide_nothing(tmp_path):
    front = {"base_model": "org/a", "base_model_relation": "quantized"}
    method = {"quantization_config": {"quant_method": "gptq"}}
    assert ask(RELATION, made(tmp_path, front, method)).outcome == "clear"
    folder = made(tmp_path, front, {}, **{"model.safetensors": b"nothing"})
    assert ask(RELATION, folder).outcome == "inconclusive"
    assert ask(RELATION, made(tmp_path, front, {}, **{"x.gguf": b""})).outcome == "clear"


def test_the_mark_of_the_lab_is_found(tmp_path):
    assert ask(LAB, made(tmp_path, {})).outcome == "clear"
    found = ask(LAB, made(tmp_path, {}, {"modelrepair_lab": {"attack": "full"}}))
    assert (found.outcome, found.severity, found.files) == ("found", "error", ("config.json",))
    bare = write(tmp_path / "bare", {"README.md": b""})
    assert ask(LAB, bare).outcome == "inconclusive"
