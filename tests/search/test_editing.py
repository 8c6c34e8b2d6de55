"""Repairs by a repairer: new values for whole matrices, from the statistics to the proof."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch

from modelrepair import UsageError, apply, load_manifest, plan, verify
from modelrepair.artifact.digests import digest
from modelrepair.demo import paths
from modelrepair.engine.edits import Edits
from modelrepair.errors import EmptyMaskError, UnsupportedModelError
from modelrepair.search.editing import remember_edits
from modelrepair.settings.checks import check
from modelrepair.settings.settings import Settings
from tests.support import tiny
from tests.support.killed_repairs import KILLER, NEVER, assert_same_repair
from tests.support.layout_repairs import fixed, loaded, save
from tests.support.repairing import SETS

pytestmark = pytest.mark.usefixtures("own_repairers")


def test_the_same_command_gives_the_same_bytes_and_no_mask_to_apply(edit, tmp_path):
    one, two = edit("one").out, edit("two").out
    assert digest(load_manifest(one)) == digest(load_manifest(two))
    assert (one / "model.safetensors").read_bytes() == (two / "model.safetensors").read_bytes()
    with pytest.raises(UsageError, match="made by the repairer 'back'"):
        apply(one, paths.attacked, out=tmp_path / "rebuilt")


def test_an_adapter_is_repaired_merged_alone(edit):
    given = {"source": paths.adapter, "reference": "auto", "base": paths.reference}
    with pytest.raises(UsageError, match="the source is an adapter") as caught:
        edit(**given)
    assert "--merge" in caught.value.hint
    out = edit(**given, merge=True).out
    assert verify(out, source=paths.adapter, base=paths.reference).ok
    assert load_manifest(out).adapter.id == paths.adapter.name


def test_what_changes_nothing_is_no_repair(edit, tmp_path):
    with pytest.raises(EmptyMaskError, match="back changed nothing"):
        edit(repairer_options={"fault": "nothing"})
    assert not (tmp_path / "out").exists()


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


DAMAGES = {
    "short": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "other bits": lambda path: path.write_bytes(path.read_bytes()[:-1] + b"?"),
    "gone": lambda path: path.unlink(),
    "nothing": lambda path: None,
    "given back": lambda path: shutil.rmtree(path.parent, ignore_errors=True),
}
"""What a power cut may leave of an edit that was not synced; the last two are no damage."""


@pytest.mark.parametrize("damage", DAMAGES)
def test_edits_that_were_lost_are_made_again(damage, tmp_path):
    made = []

    def make(edits):
        made.append(edits)
        for name in ("a.weight", "b.weight"):
            edits.put(name, np.arange(300, dtype=np.uint16))
        return {"changed": 600}

    first = remember_edits(tmp_path, make)
    files = sorted((tmp_path / "edits").iterdir())
    assert len(files) == 2
    DAMAGES[damage](files[-1])
    assert remember_edits(tmp_path, make) == first and first["changed"] == 600
    assert len(made) == (1 if damage in ("nothing", "given back") else 2)
    if damage != "given back":
        edits = Edits(tmp_path / "edits")
        assert [edits.get(name).tolist() for name in first["checksums"]] == [[*range(300)]] * 2


@pytest.mark.slow
def test_strengths_that_do_the_same_are_looked_at_once(edit, few):
    report = edit(strength=None, evaluate=True, repairer_options={"fault": "coarse"}, **few)
    strengths = [point.ratio for point in report.manifest.search]
    assert strengths[0] == 0.25 and 0.5 not in strengths


@pytest.mark.slow
def test_a_killed_search_goes_on_and_ends_in_the_same_bytes(edit, few, own_repairers, tmp_path):
    whole = edit("whole", strength=None, evaluate=True, **few)
    options = [f"--{role}={path}" for role, path in few.items()]
    command = ["fix", str(paths.attacked), f"--reference={paths.reference}", "--repairer=back"]
    command += [f"--out={tmp_path / 'killed'}", "--judge=demo-world", "--examples=12", *options]
    environment = {**os.environ, "PYTHONPATH": str(own_repairers)}
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
        plan(paths.attacked, repairer="unknown")


def test_targets_hold_for_repairers_too(edit):
    for repairer in ("back", "tune"):
        out = edit(repairer, repairer=repairer, strength=1, targets=["*layers.1.*q_proj*"]).out
        names = [site.name for site in load_manifest(out).sites]
        assert len(names) == 1 and "layers.1" in names[0]


@pytest.mark.quick("gpt_oss")
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
