"""Values of a config with which the same weights compute something else."""

from __future__ import annotations

import pytest

from modelrepair.auditing.structure.config_values import CHECKS
from tests.support.auditing import CONFIG, ask, document, model, write

CHECK = CHECKS[0]


def asked(tmp_path, own, its):
    files = ({"config.json": document({**CONFIG, **each})} for each in (own, its))
    target, base = (write(tmp_path / n, model(**each)) for n, each in zip("mb", files, strict=True))
    return ask(CHECK, target, base)


@pytest.mark.parametrize(
    ("own", "its", "outcome"),
    [
        ({}, {}, "clear"),
        ({"hidden_act": "relu"}, {"hidden_act": "silu"}, "found"),
        ({"rope_theta": 1e6}, {"rope_parameters": {"rope_theta": 1e4}}, "found"),
        ({"rope_theta": 1e4}, {"rope_parameters": {"rope_theta": 1e4}}, "clear"),
        ({"text_config": {"eps": 1}}, {"text_config": {"eps": 2}}, "found"),
        ({"dtype": "float16", "use_cache": False}, {"dtype": "bfloat16"}, "clear"),
        ({"attention_dropout": 0.1, "pad_token_id": 1}, {"attention_dropout": 0.0}, "clear"),
        ({"new_default": 1}, {"old_default": 2}, "clear"),
    ],
)
def test_a_value_that_computes_otherwise_is_found(tmp_path, own, its, outcome):
    assert asked(tmp_path, own, its).outcome == outcome


def test_what_only_one_of_them_has_is_shown(tmp_path):
    finding = asked(tmp_path, {"new\u202e": 1}, {"hidden_act": "silu"})
    assert finding.evidence["single"] == {
        "only_here": ["new\\u202e"], "only_in_base": ["hidden_act"]}  # fmt: skip


def test_without_a_config_or_base_nothing_is_known(tmp_path):
    bare = write(tmp_path / "m", model(**{"config.json": None}))
    base = write(tmp_path / "b", model())
    assert ask(CHECK, bare, base).outcome == "inconclusive"
    assert ask(CHECK, base).outcome == "inconclusive"


def test_an_adapter_has_its_bases_config(tmp_path):
    folder = write(tmp_path / "a", {"adapter_config.json": b"{}"})
    finding = ask(CHECK, folder, write(tmp_path / "b", model()))
    assert finding.evidence == {"applicable": False}
