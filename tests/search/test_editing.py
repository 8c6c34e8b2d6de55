"""Repairs by a repairer: new values for whole matrices, from the statistics to the proof."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from modelrepair import UsageError, apply, load_manifest, plan, verify
from modelrepair.artifact.manifest import digest
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.cli.main import run as run_command
from modelrepair.demo import paths
from modelrepair.errors import EmptyMaskError, PluginError, UnsupportedModelError
from modelrepair.plugin.registry import load_registry, make_repairer
from modelrepair.settings.checks import check
from modelrepair.settings.settings import Settings
from tests.end_to_end.test_layouts import fixed, loaded, save
from tests.pipeline.test_repair import KILLER, NEVER, assert_same_repair
from tests.support import tiny
from tests.support.repairing import SETS, tensors

pytestmark = pytest.mark.usefixtures("site")


def codes(folder: Path, source: Path = paths.attacked) -> list[str]:
    return [finding.code for finding in verify(folder, source=source).findings]


def test_the_new_values_are_the_repairer_s_rounded_once(edit):
    out = edit().out
    source, reference, new = (tensors(f) for f in (paths.attacked, paths.reference, out))
    manifest = load_manifest(out)
    changed = {site.name for site in manifest.sites if site.masked}
    assert changed and not any("down_proj" in name for name in changed)
    assert len(manifest.sites) > len(changed)
    for name, old in source.items():
        if name in changed:
            middle = old.float() + 0.5 * (reference[name].float() - old.float())
            expected = torch.where(middle == old.float(), old, middle.bfloat16())
            assert torch.equal(new[name], expected), name
        else:
            assert torch.equal(new[name], old), name
    for site in manifest.sites:
        difference = new[site.name].float() - source[site.name].float()
        assert site.masked == int((difference != 0).sum())
        norm = float(difference.norm() / source[site.name].float().norm())
        assert site.norm_removed == pytest.approx(norm, rel=1e-4)
        assert (site.digest is not None) == (site.masked > 0)
    one, two = ((f / "model.safetensors").read_bytes() for f in (paths.attacked, out))
    start = min(entry.offset for entry in Checkpoint.open(paths.attacked).entries.values())
    assert len(one) == len(two) and one[:start] == two[:start]


def test_the_record_of_a_dense_edit(edit):
    out = edit(repairer_options={"fault": ""}).out
    manifest = load_manifest(out)
    assert (manifest.edit, manifest.subject, manifest.verdict) == ("dense", "weight", "unmeasured")
    assert (manifest.scorer, manifest.scope, manifest.ratio) == (None, None, None)
    assert (manifest.repairer.name, manifest.repairer.strength) == ("back", 0.5)
    assert (manifest.repairer.distribution, manifest.repairer.version) == ("test-repairs", "1.0")
    assert manifest.by is manifest.repairer
    assert manifest.settings["strength"] == 0.5
    assert "--repairer back" in manifest.command and "--strength 0.5" in manifest.command
    assert not (out / "repair" / "mask.safetensors").exists()
    card = (out / "README.md").read_text()
    assert "repairer:back" in card and "entries got new values" in card
    assert "`back`" in card and "mask.safetensors" not in card and "apply" not in card
    assert "Norm changed" in card and "scorer" not in card.split("## How it was made")[0]
    assert verify(out, source=paths.attacked).ok


def test_the_same_command_gives_the_same_bytes(edit):
    one, two = edit("one").out, edit("two").out
    assert digest(load_manifest(one)) == digest(load_manifest(two))
    assert (one / "model.safetensors").read_bytes() == (two / "model.safetensors").read_bytes()


def overwrite(folder: Path, name: str, position: int) -> None:
    entry = Checkpoint.open(folder).entries[name]
    with (folder / entry.file).open("r+b") as file:
        file.seek(entry.offset + 2 * position)
        byte = file.read(1)[0]
        file.seek(entry.offset + 2 * position)
        file.write(bytes([byte ^ 1]))


def test_verification_finds_every_other_byte(edit):
    out = edit().out
    model, manifest = out / "model.safetensors", out / "repair" / "manifest.json"
    whole, said = model.read_bytes(), manifest.read_text()
    assert codes(out) == []
    named = next(site.name for site in load_manifest(out).sites if site.masked)
    overwrite(out, named, 5)
    assert "edited-value" in codes(out)
    model.write_bytes(whole)
    unnamed = next(site.name for site in load_manifest(out).sites if not site.masked)
    for name in (unnamed, "model.embed_tokens.weight", "model.norm.weight"):
        overwrite(out, name, 3)
        assert "outside-edit" in codes(out), name
        model.write_bytes(whole)
    model.write_bytes(whole[:-2])
    assert "changed" in codes(out)
    model.write_bytes(whole)
    (out / "repair" / "mask.safetensors").write_bytes(b"")
    assert codes(out) == ["added"]
    (out / "repair" / "mask.safetensors").unlink()
    document = json.loads(said)
    changed = next(site for site in document["sites"] if site["masked"])
    for key, value in (("masked", changed["masked"] - 1), ("norm_removed", 0.9)):
        manifest.write_text(
            json.dumps(
                document
                | {
                    "sites": [
                        site | ({key: value} if site is changed else {})
                        for site in document["sites"]
                    ]
                }
            )
        )
        assert "count" in codes(out), key
    manifest.write_text(
        json.dumps(
            document
            | {
                "sites": [
                    site | ({"masked": 0} if site is changed else {}) for site in document["sites"]
                ]
            }
        )
    )
    assert "outside-edit" in codes(out)
    manifest.write_text(said)
    assert "wrong-source" in codes(out, paths.reference)
    assert codes(out) == []


def test_a_dense_edit_can_t_be_applied(edit, tmp_path):
    out = edit().out
    with pytest.raises(UsageError, match="made by the repairer 'back'"):
        apply(out, paths.attacked, out=tmp_path / "rebuilt")


def test_an_adapter_is_repaired_merged_alone(edit):
    given = {"source": paths.adapter, "reference": "auto", "base": paths.reference}
    with pytest.raises(UsageError, match="the source is an adapter") as caught:
        edit(**given)
    assert "--merge" in caught.value.hint
    out = edit(**given, merge=True).out
    assert verify(out, source=paths.adapter, base=paths.reference).ok
    assert load_manifest(out).adapter.id == paths.adapter.name


@pytest.mark.quick("shape-*", "nan-*")
@pytest.mark.parametrize(
    ("fault", "line"),
    [
        ("shape", r"gave shape \[1, \d+\], expected"),
        ("dtype", "gave torch.float64, expected torch.float32"),
        ("nan", "gave values that are not finite"),
        ("huge", "gave values too large for the file's BF16"),
        ("raise", "failed on .*: RuntimeError: out of paper"),
    ],
)
def test_a_broken_repairer_is_named(edit, fault, line):
    with pytest.raises(PluginError, match=f"repairer 'back' of test-repairs 1.0 {line}"):
        edit(repairer_options={"fault": fault})


def test_what_changes_nothing_is_no_repair(edit, tmp_path):
    with pytest.raises(EmptyMaskError, match="back changed nothing"):
        edit(repairer_options={"fault": "nothing"})
    assert not (tmp_path / "out").exists()


def test_what_a_repairer_lacks_is_said_before_anything_is_computed(edit):
    with pytest.raises(UsageError, match="repairer 'back' needs a reference"):
        edit(reference="none")
    with pytest.raises(UsageError, match="no repairer named 'bakc'"):
        edit(repairer="bakc")
    with pytest.raises(UsageError, match="'x'"):
        edit(repairer_options={"x": 1})
    with pytest.raises(PluginError, match="type has no 'needs'"):
        make_repairer(load_registry().repairer("empty"), {})


def test_another_model_is_read_and_recorded(edit, tmp_path):
    report = edit(repairer_options={"other": str(paths.reference)}, strength=1.0)
    assert report.manifest.repairer.models["other"].id == paths.reference.name
    assert report.manifest.repairer.models["other"].files
    assert report.manifest.repairer.options["other"] == paths.reference.name
    plain = edit("plain", strength=1.0)
    one, two = ((each.out / "model.safetensors").read_bytes() for each in (report, plain))
    assert one == two
    with pytest.raises(UnsupportedModelError, match="the other model does not fit"):
        tiny.model("llama").save_pretrained(tmp_path / "tiny")
        edit("misfit", repairer_options={"other": str(tmp_path / "tiny")})


@pytest.mark.parametrize(
    "given",
    [
        {"scorer": "wanda"},
        {"scorer_options": {"norm": "mean"}},
        {"preset": "antidote-paper"},
        {"ratio": 0.1},
        {"scale": 0.5},
        {"protect": 0.1},
        {"step": 0.1},
        {"scope": "row"},
        {"store_values": True},
        {"subject": "delta"},
    ],
)
def test_what_goes_with_a_scorer_is_refused(given):
    with pytest.raises(UsageError, match="goes with a scorer, and a repairer was named"):
        check(replace(Settings("a", repairer="back"), **given))


def test_a_strength_goes_with_a_repairer_and_without_measures_there_must_be_one():
    with pytest.raises(UsageError, match="go with a repairer"):
        check(Settings("a", strength=0.5))
    with pytest.raises(UsageError, match="a search for the strength needs measures"):
        check(Settings("a", repairer="back", evaluate=False))
    check(Settings("a", repairer="back", strength=0.5, evaluate=False))


def test_the_search_climbs_the_strengths_and_keeps_its_points(edit, few):
    report = edit(strength=None, evaluate=True, **few)
    points = report.manifest.search
    assert [point.ratio for point in points] == sorted(point.ratio for point in points)
    assert {point.scorer for point in points} == {"back"}
    assert sum(point.chosen for point in points) == 1
    chosen = next(point for point in points if point.chosen)
    assert report.manifest.repairer.strength == chosen.ratio
    assert chosen.measures is not None and chosen.screen["margin"] is not None
    assert verify(report.out, source=paths.attacked).ok
    assert "| back |" in (report.out / "README.md").read_text()


@pytest.mark.slow
def test_strengths_that_do_the_same_are_looked_at_once(edit, few):
    report = edit(strength=None, evaluate=True, repairer_options={"fault": "coarse"}, **few)
    strengths = [point.ratio for point in report.manifest.search]
    assert strengths[0] == 0.25 and 0.5 not in strengths


@pytest.mark.slow
def test_a_killed_search_goes_on_and_ends_in_the_same_bytes(edit, few, site, tmp_path):
    whole = edit("whole", strength=None, evaluate=True, **few)
    options = [f"--{role}={path}" for role, path in few.items()]
    command = ["fix", str(paths.attacked), f"--reference={paths.reference}", "--repairer=back"]
    command += [f"--out={tmp_path / 'killed'}", "--judge=demo-world", "--examples=12", *options]
    environment = {**os.environ, "PYTHONPATH": str(site)}
    for blocks in (7, 3, 4):
        script = [sys.executable, "-c", KILLER, str(blocks), *command]
        ended = subprocess.run(script, check=False, env=environment)
        assert ended.returncode == -signal.SIGKILL
    script = [sys.executable, "-c", KILLER, NEVER, *command]
    assert subprocess.run(script, check=False, env=environment).returncode in (0, 1)
    assert_same_repair(whole.out, tmp_path / "killed")


def test_a_plan_takes_a_repairer():
    made = plan(paths.attacked, repairer="back", reference=paths.reference, **SETS)
    assert [each.set for each in made.passes] == ["refusal"]
    assert any("without what back itself computes" in note for note in made.notes)
    with pytest.raises(UsageError, match="no repairer named"):
        plan(paths.attacked, repairer="nobody")


def test_targets_hold_for_repairers_too(edit):
    for repairer in ("back", "tune"):
        out = edit(repairer, repairer=repairer, strength=1, targets=["*layers.1.*q_proj*"]).out
        names = [site.name for site in load_manifest(out).sites]
        assert len(names) == 1 and "layers.1" in names[0]


@pytest.mark.quick("gpt2", "gpt_oss")
@pytest.mark.parametrize("kind", ["gpt2", "mixtral", "gpt_oss", "gpt_bigcode"])
def test_every_layout_gets_its_new_values_in_its_place(kind, tmp_path):
    source, out = save(kind, tmp_path / "source"), tmp_path / "out"
    manifest = fixed(source, out, scorer=None, ratio=None, repairer="halve", strength=1.0).manifest
    assert verify(out, source=source).ok
    old, new = (dict(loaded(folder).named_parameters()) for folder in (source, out))
    changed = {name for name in old if not torch.equal(old[name], new[name])}
    assert changed
    halved = sum(int((new[name] == old[name] / 2).sum()) for name in changed)
    kept = sum(int((new[name] == old[name]).sum()) for name in changed)
    assert halved + kept >= sum(old[name].numel() for name in changed)
    assert sum(site.masked for site in manifest.sites) == sum(
        int((new[name] != old[name]).sum()) for name in changed
    )


def test_the_command_line(capsys, tmp_path):
    assert run_command(["repairers", "list", "--json"]) == 0
    listed = {item["name"]: item for item in json.loads(capsys.readouterr().out)["repairers"]}
    assert listed["back"]["reference"] and listed["tune"]["trains"]
    assert run_command(["repairers", "show", "back"]) == 0
    assert "needs the reference" in capsys.readouterr().out
    sets = [f"--{role}={path}" for role, path in SETS.items()]
    command = ["fix", str(paths.attacked), f"--reference={paths.reference}", "--judge=demo-world"]
    command += ["--repairer=back", "--examples=12", "--no-evaluate", *sets]
    assert run_command(command) == 2
    assert "--strength" in capsys.readouterr().err
    out = tmp_path / "out"
    assert run_command([*command, "--strength=0.5", f"--out={out}"]) == 0
    shown = capsys.readouterr().out
    assert "by back (test-repairs 1.0) at 0.5" in shown and "modelrepair verify" in shown
    assert run_command(["verify", str(out), "--source", str(paths.attacked)]) == 0
