"""A plan's bytes are the bytes that come down and go up."""

from __future__ import annotations

import json

import pytest

from modelrepair.checkpoint.mask import write_mask
from modelrepair.checkpoint.reader import TensorEntry
from modelrepair.cli.main import run
from modelrepair.demo import paths
from modelrepair.pipeline.hub_plan import OF_A_SITE, mask_bytes
from tests.support.hub.repaired import files_of
from tests.support.hub.sharded import QUICK, SHARDS, fill, here_fixture, sharded  # noqa: F401

LAST = "--targets=model.layers.3.*"


def said(capsys, *arguments: str) -> dict:
    capsys.readouterr()
    code = run([*arguments])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return json.loads(captured.out)


@pytest.mark.quick("the last layer")
@pytest.mark.parametrize(
    ("options", "shards"), [([], SHARDS), ([LAST], SHARDS[1:])], ids=["all", "the last layer"]
)
def test_what_goes_up_is_what_the_plan_says(hub, here, monkeypatch, capsys, options, shards):
    monkeypatch.chdir(here)
    fill(hub)
    weights = sharded(paths.attacked)
    quick = [*QUICK, "--reference=none", *options]
    found = said(capsys, "plan", "user/broken", *quick)["hub"]
    objects, before = set(hub.objects), hub.received
    said(capsys, "fix", "user/broken", *quick)
    sent = sum(len(hub.objects[oid]) for oid in set(hub.objects) - objects)
    mask = len(files_of(here / "broken-repaired")["repair/mask.safetensors"])
    assert sum(len(weights[name]) for name in shards) + mask == sent
    assert sent <= found["upload_bytes"] + 20_000, "headers of safetensors are not counted"
    arrived = hub.received - before
    assert found["upload_bytes"] < arrived < found["upload_bytes"] + 100_000, "card and manifest"
    untouched = sum(len(weights[name]) for name in set(SHARDS) - set(shards))
    assert found["stored_bytes"] <= untouched <= found["stored_bytes"] + 20_000
    assert 0.9 * mask < found["mask_bytes"] < 2 * mask


def test_what_comes_down_is_what_the_plan_says(hub, here, monkeypatch, capsys):
    monkeypatch.chdir(here)
    fill(hub)
    plan = ["plan", "user/broken", "--realign=realign.jsonl", "--json"]
    found = said(capsys, *plan)["hub"]
    wanted = {name: data for name, data in sharded(paths.attacked).items() if
              name not in ("training_args.bin", "tf_model.h5")}  # fmt: skip
    weights = sum(len(wanted[name]) for name in SHARDS)
    rest = sum(map(len, wanted.values())) - weights
    # The plan has fetched what it had to read.
    assert weights <= found["download_bytes"] <= weights + rest
    quick = [word for word in QUICK if word not in ("--push", "--force")]
    said(capsys, "fix", "user/broken", *quick)
    assert said(capsys, *plan, "--out=other")["hub"]["download_bytes"] == 0


def test_of_a_folder_everything_goes_up(hub, here, monkeypatch, capsys):
    monkeypatch.chdir(here)
    files = files_of(paths.attacked)
    options = ["--push", "--to=mine", LAST, "--realign=realign.jsonl", "--json"]
    found = said(capsys, "plan", str(paths.attacked), *options)["hub"]
    everything = sum(map(len, files.values()))
    assert found["stored_bytes"] == 0
    assert 0.9 * everything < found["upload_bytes"] - found["mask_bytes"] <= everything


@pytest.mark.parametrize("share", [0.001, 0.01, 0.1, 0.5, 0.9])
def test_a_mask_is_about_as_large_as_it_is_said_to_be(tmp_path, share):
    import numpy as np

    count = 400_000
    chosen = np.flatnonzero(np.random.default_rng(0).random(count) < share)
    write_mask(tmp_path / "mask", {"format": "x"}, iter([("w", chosen)]))
    estimate = mask_bytes([TensorEntry("w", "f", "F32", (1000, 400), 0, 4 * count)], share)
    found = (tmp_path / "mask").stat().st_size
    assert found <= estimate + OF_A_SITE
    assert estimate < 1.3 * found or share > 0.5, "at most, where more than half is masked"


def test_values_beside_the_mask_go_up_too(hub, here, monkeypatch, capsys):
    monkeypatch.chdir(here)
    fill(hub)
    plan = ["plan", "user/broken", *QUICK]
    without = said(capsys, *plan)["hub"]["upload_bytes"]
    values = said(capsys, *plan, "--store-values")["hub"]["upload_bytes"] - without
    assert 0.005 < values / without < 0.011, "one per cent of the weights in the blocks"


@pytest.mark.usefixtures("own_repairers")
def test_no_mask_goes_up_with_the_edit_of_a_repairer(hub, here, monkeypatch, capsys):
    monkeypatch.chdir(here)
    fill(hub)
    masked = said(capsys, "plan", "user/broken", *QUICK)["hub"]
    both = [each for each in QUICK if not each.startswith(("--scorer", "--ratio"))]
    edit = ["--repairer=back", "--strength=0.5"]
    edited = said(capsys, "plan", "user/broken", *both, *edit)["hub"]
    assert masked["mask_bytes"] > 0 == edited["mask_bytes"]
    assert edited["upload_bytes"] == masked["upload_bytes"] - masked["mask_bytes"]


def test_what_was_not_measured_would_not_go_out(hub, here, monkeypatch, capsys):
    monkeypatch.chdir(here)
    fill(hub)
    plan = ["plan", "user/broken", *(word for word in QUICK if word != "--force")]
    assert run(plan) == run(["fix", *plan[1:]]) == 2
    planned, fixed = map(json.loads, capsys.readouterr().out.splitlines())
    assert planned["error"] == fixed["error"]
    assert fixed["error"]["message"] == "an unmeasured repair is not pushed"
