"""Whether an adapter fits its base, and is what its config says."""

from __future__ import annotations

import pytest

from modelrepair.auditing.structure.adapters import CHECKS
from modelrepair.demo import paths
from tests.support.auditing import ask, document, model, tensors, write

FITS, CONFIG, WHOLE = CHECKS
Q = "base_model.model.model.layers.0.self_attn.q_proj"
GOOD = {f"{Q}.lora_A.weight": (2, 8), f"{Q}.lora_B.weight": (8, 2)}
HEAD = {"base_model.model.lm_head.weight": (12, 8)}
SAYS = {"peft_type": "LORA", "r": 2, "target_modules": ["q_proj"]}


def asked(check, tmp_path, shapes=GOOD, base=True, **says):
    files = {"adapter_config.json": document({**SAYS, **says}),
             "adapter_model.safetensors": tensors(shapes)}  # fmt: skip
    target = write(tmp_path / "a", files)
    return ask(check, target, write(tmp_path / "b", model()) if base else None)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check[0].name)
def test_adapters_that_fit_and_whole_models_are_clear(tmp_path, check):
    assert asked(check, tmp_path).outcome == "clear"
    adapter = paths.attacked.parent / "adapter"
    assert ask(check, adapter, paths.reference).outcome == "clear"
    assert ask(check, paths.attacked).evidence == {"applicable": False}


@pytest.mark.parametrize(
    ("shapes", "why"),
    [
        ({f"{Q}.lora_A.weight": (2, 9), f"{Q}.lora_B.weight": (8, 2)}, "makes [8, 9]"),
        ({f"{Q}.lora_A.weight": (2, 8), f"{Q}.lora_B.weight": (8, 3)}, "rank 2 in A and 3 in B"),
        ({f"{Q}.lora_A.weight": (2, 8)}, "one of its two factors"),
        ({k.replace("q_proj", "z_proj"): v for k, v in GOOD.items()}, "not in the base"),
        ({"base_model.model.lm_head.weight": (13, 8)}, "in the base [12, 8]"),
        ({}, "no tensor"),
    ],
)
def test_an_adapter_that_does_not_fit_is_found(tmp_path, shapes, why):
    found = asked(FITS, tmp_path, shapes)
    assert found.outcome == "found" and why in found.message


def test_without_a_base_or_with_an_adapter_as_base_nothing_is_known(tmp_path):
    assert asked(FITS, tmp_path, base=False).outcome == "inconclusive"
    assert ask(FITS, tmp_path / "a", tmp_path / "a").outcome == "inconclusive"


@pytest.mark.parametrize(
    ("says", "outcome"),
    [
        ({"r": 4}, "found"),
        ({"r": 4, "rank_pattern": {"q_proj": 2}}, "clear"),
        ({"target_modules": ["v_proj"]}, "found"),
        ({"target_modules": ["q_proj", "v_proj"]}, "found"),
        ({"target_modules": "all-linear"}, "inconclusive"),
        ({"peft_type": "IA3"}, "inconclusive"),
    ],
)
def test_a_config_that_contradicts_is_found(tmp_path, says, outcome):
    assert asked(CONFIG, tmp_path, **says).outcome == outcome


def test_replaced_tensors_are_a_note(tmp_path):
    found = asked(WHOLE, tmp_path, {**GOOD, **HEAD})
    assert (found.severity, found.evidence["tensors"]) == ("note", ["lm_head.weight"])
    assert asked(FITS, tmp_path / "f", {**GOOD, **HEAD}).outcome == "clear"
