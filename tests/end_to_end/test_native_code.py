"""Models whose files point to code of their own, in a layout that transformers has: Phi-3 kinds."""

from __future__ import annotations

import json

import pytest
import torch
from transformers import Phi3Config, Phi3ForCausalLM

from modelrepair import apply, measure, plan, verify
from modelrepair.demo import paths

CODE = "from pathlib import Path\nPath({ran!r}).touch()\nraise RuntimeError('never run me')\n"
MAP = {"AutoConfig": "configuration_phi3.Phi3Config", "AutoModelForCausalLM": "m.Phi3ForCausalLM"}


@pytest.fixture
def phi(tmp_path):
    """A tiny Phi-3 with the demo's tokenizer, whose every config names code that leaves a trace."""
    folder = tmp_path / "phi"
    tokenizer = json.loads((paths.attacked / "config.json").read_bytes())
    torch.manual_seed(0)
    config = Phi3Config(
        vocab_size=tokenizer["vocab_size"],
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        original_max_position_embeddings=512,
        pad_token_id=0,
    )
    Phi3ForCausalLM(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((paths.attacked / name).read_bytes())
    for name, added in (
        ("config.json", {"auto_map": MAP, "_name_or_path": "/home/someone/phi"}),
        (
            "tokenizer_config.json",
            {"auto_map": {"AutoTokenizer": ["tokenization_phi3.Mine", None]}},
        ),
    ):
        config = json.loads((folder / name).read_bytes())
        (folder / name).write_text(json.dumps({**config, **added}, indent=2))
    ran = tmp_path / "ran"
    for name in ("configuration_phi3", "m", "tokenization_phi3"):
        (folder / f"{name}.py").write_text(CODE.format(ran=str(ran)))
    yield folder
    assert not ran.exists(), "code of the model was run"


def test_it_is_repaired_without_its_code(phi, quick_repair, tmp_path):
    report = quick_repair(source=phi, reference="none", scorer="magnitude", ratio=0.01)
    written = {
        name: json.loads((report.out / name).read_bytes())
        for name in ("config.json", "tokenizer_config.json")
    }
    assert not any("auto_map" in config for config in written.values())
    assert "_name_or_path" not in written["config.json"]
    assert not list(report.out.glob("*.py"))
    assert report.manifest.rewritten.keys() == written.keys()
    assert "/home" not in (report.out / "README.md").read_text()
    found = verify(report.out, source=phi)
    assert found.ok, found.findings
    rebuilt = apply(report.out, phi, out=tmp_path / "rebuilt")
    for name in (*written, "model.safetensors"):
        assert (rebuilt / name).read_bytes() == (report.out / name).read_bytes()
    config = (report.out / "config.json").read_text()
    (report.out / "config.json").write_text(
        config.replace('"hidden_size": 32', '"hidden_size": 64')
    )
    assert "changed" in {finding.code for finding in verify(report.out, source=phi).findings}


def test_it_is_planned_and_measured_alike(phi):
    sets = {"utility": paths.sets["utility"]}
    assert not plan(phi, realign=paths.sets["realign"], reference="none").refused
    report = measure(phi, judge="demo-world", utility_limit=4, max_new_tokens=4, **sets)
    assert report.measures.utility is not None
