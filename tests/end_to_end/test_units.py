"""Repairs of whole rows, heads and neurons: made, proved and made again on the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from textwrap import dedent

import numpy as np
import pytest

import modelrepair
from modelrepair import apply, verify
from modelrepair.checkpoint.mask import open_mask
from modelrepair.demo import paths
from modelrepair.errors import UnsupportedModelError, UsageError
from tests.support.layout_repairs import SETS, fixed, save


def masked(out, name, shape):
    """A tensor's mask in its shape in the file."""
    flat = np.zeros(int(np.prod(shape)), bool)
    flat[open_mask(out / "repair" / "mask.safetensors").positions(name, flat.size)] = True
    return flat.reshape(shape)


def same_files(one, two):
    for file in one.glob("*.safetensors"):
        assert file.read_bytes() == (two / file.name).read_bytes()


def test_whole_heads_of_a_fused_transposed_projection(tmp_path):
    source = save("gpt2", tmp_path / "source")
    report = fixed(
        source, tmp_path / "out", unit="head", ratio=0.3, scorer="magnitude", protect=0.0
    )
    manifest = report.manifest
    assert (manifest.unit, manifest.scope) == ("head", "tensor")
    assert {site.kind for site in manifest.sites} == {"c_attn", "c_proj"}
    assert any("mlp" in name for name in manifest.skipped)
    for block in range(3):
        name = f"transformer.h.{block}.attn"
        fused = masked(report.out, f"{name}.c_attn.weight", (32, 96))  # [in, out] in the file
        out = masked(report.out, f"{name}.c_proj.weight", (32, 32))
        heads = fused.reshape(32, 3, 4, 8).any(axis=(0, 1, 3))
        assert heads.sum() == 1, "30 % of four heads: one whole one"
        assert (fused.reshape(32, 3, 4, 8).all(axis=(0, 1, 3)) == heads).all()
        assert (out.reshape(4, 8, 32) == heads[:, None, None]).all()
    assert verify(report.out, source=source).exit_code == 0
    same_files(report.out, apply(report.out, source, out=tmp_path / "again"))
    card = (report.out / "README.md").read_text(encoding="utf-8")
    assert "subject weight, scope tensor, unit head, ratio 0.3" in card
    assert "--unit head" in manifest.command


def test_a_model_without_heads_is_refused_before_a_weight_is_read(tmp_path):
    source = save("gpt_bigcode", tmp_path / "source")
    with pytest.raises(UnsupportedModelError, match="no head can be told apart") as error:
        fixed(source, tmp_path / "out", unit="head")
    assert error.value.exit_code == 6
    assert not (tmp_path / "out").exists()


def test_a_plan_refuses_it_too_and_takes_entries(tmp_path):
    source = str(save("gpt_bigcode", tmp_path / "source"))
    sets = {name: str(paths.sets[name]) for name in SETS}
    plan = partial(modelrepair.plan, source, **sets, borderline="none", scorer="magnitude")
    made = plan(unit="head")
    assert (made.exit_code, made.error.id) == (6, "no-units")
    assert made.error.message.endswith(": all queries share one key and value")
    assert plan(unit="row").exit_code == plan().exit_code == 0


def test_a_scorer_says_what_it_removes_as_one_unless_the_user_does(tmp_path):
    code = """
    class Mine:
        sets = {}
        needs = {}
        unit = "neuron"
        scope = "global"

        def __init__(self, options, subject_kind): ...

        def score(self, view, statistics):
            return view.subject.abs()
    """
    (tmp_path / "mine.py").write_text(dedent(code))
    source, scorer = save("llama", tmp_path / "source"), f"{tmp_path}/mine.py:Mine"
    neurons = fixed(source, tmp_path / "one", scorer=scorer, ratio=0.1, protect=0.0).manifest
    assert (neurons.unit, neurons.scope) == ("neuron", "global")
    assert {site.kind for site in neurons.sites} == {"gate_proj", "up_proj", "down_proj"}
    size, whole = 3 * 32, 3 * 3 * 48 * 32
    assert sum(site.masked for site in neurons.sites) == round(0.1 * whole) // size * size
    rows = fixed(
        source, tmp_path / "two", scorer=scorer, ratio=0.1, unit="row", scope="tensor", protect=0.0
    ).manifest
    assert {site.masked / site.shape[1] for site in rows.sites} == {1.0, 3.0, 4.0}
    assert (rows.unit, rows.settings["unit"]) == ("row", "row")
    with pytest.raises(UsageError, match="no whole neuron can be chosen"):
        fixed(source, tmp_path / "three", scorer=scorer, ratio=0.1, scope="row")


def run(*words):
    done = subprocess.run(
        [sys.executable, "-m", "modelrepair", *map(str, words)], capture_output=True, text=True
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "unit"), [("llama", "row"), ("llama", "head"), ("mixtral", "neuron")]
)
def test_the_command_line_makes_proves_and_repeats_a_repair_of_units(tmp_path, kind, unit):
    source, out = save(kind, tmp_path / "source"), tmp_path / "out"
    sets = [word for name in SETS for word in (f"--{name}", paths.sets[name])]
    words = ["--reference", "none", "--borderline", "none", "--scorer", "wanda", "--examples", 8]
    words += ["--unit", unit, "--scope", "global", "--ratio", 0.35, "--no-evaluate", "--json"]
    code, said, errors = run("fix", source, "--out", out, *sets, *words)
    assert code == 0, errors
    manifest = json.loads(said)["manifest"]
    assert (manifest["unit"], manifest["scope"]) == (unit, "global")
    assert 0 < manifest["masked_share"] <= 0.35
    assert f"--unit {unit}" in manifest["command"]
    assert open_mask(out / "repair" / "mask.safetensors").header["unit"] == unit
    code, said, errors = run("verify", out, "--source", source, "--json")
    assert code == 0, errors
    code, said, errors = run("apply", out, source, "--out", tmp_path / "again", "--json")
    assert code == 0, errors
    same_files(out, tmp_path / "again")
    code, said, errors = run(
        "fix", source, "--out", tmp_path / "no", *sets, *words, "--scope", "row"
    )
    assert code == 2 and "--scope row cuts inside of each row" in errors
