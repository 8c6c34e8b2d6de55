"""What leaves a machine: by whole repairs of a folder that is in use."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest

from modelrepair import UnsupportedModelError, UsageError, apply, load_manifest, plan, verify
from modelrepair.cli.main import run as run_command
from modelrepair.demo import paths
from modelrepair.pipeline.kept import left_ahead
from modelrepair.source.kept import files_of_source
from modelrepair.source.resolve import Source, resolve

CANARY = "hf_canaryCANARYcanaryCANARYcanary"
PRIVATE = {
    "token.txt": CANARY,
    "credentials.json": f'{{"token": "{CANARY}"}}',
    "id_rsa.txt": CANARY,
    "train.json": CANARY,
    "wandb-metadata.json": f'{{"host": "{CANARY}"}}',
    "canary-harmful.jsonl": CANARY,
    "notes/canary.md": CANARY,
    "loss-canary.png": CANARY,
    "old-canary/adapter_config.json": f'{{"base_model_name_or_path": "/home/{CANARY}"}}',
    "CONFIG.JSON": CANARY,
}


@pytest.fixture(scope="module")
def worked_in(tmp_path_factory):
    """The demo's attacked model in a folder with everything that lies about beside a model."""
    folder = tmp_path_factory.mktemp("worked-in") / "mine"
    shutil.copytree(paths.attacked, folder)
    for name, text in PRIVATE.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    (folder / "logo.png").write_bytes(b"\x89PNG")
    (folder / "scores.csv").write_text("1,2")
    (folder / "README.md").write_text("![logo](logo.png)\n")
    (folder / "USE_POLICY.md").write_text("Be kind.")
    return folder


def test_only_what_the_model_needs_goes_out(worked_in, quick_repair):
    report = quick_repair(source=worked_in, reference="none", include=["*.csv"])
    names = {p.relative_to(report.out).as_posix() for p in report.out.rglob("*") if p.is_file()}
    assert names & {*PRIVATE} == set()
    assert {"logo.png", "USE_POLICY.md", "scores.csv", "tokenizer.json"} <= names
    assert not [p for p in report.out.rglob("*") if p.is_file() and b"canary" in p.read_bytes()]
    manifest = load_manifest(report.out)
    assert manifest.left_behind == {}
    assert manifest.left_behind_kinds == {"credentials": 3, "other": 7, "training state": 1}
    assert manifest.include == ("*.csv",)
    assert '--include "*.csv"' in manifest.command
    card = (report.out / "README.md").read_text()
    assert "not here: 3 × credentials, 7 × other, 1 × training state." in card
    assert verify(report.out, source=worked_in).ok
    rebuilt = apply(report.out, worked_in, out=report.out.with_name("rebuilt"))
    assert (rebuilt / "scores.csv").exists()
    assert {p.name for p in rebuilt.iterdir()} == {
        p.name for p in report.out.iterdir() if p.name not in ("README.md", "repair")
    }


def test_plan_and_fix_name_what_stays(worked_in, capsys, monkeypatch):
    harm = paths.sets["realign"]
    found = plan(worked_in, include=["*.csv"], realign=harm)
    assert found.error is None
    assert {*PRIVATE} <= found.left_behind.keys()
    assert "scores.csv" not in found.left_behind
    typed = ["plan", str(worked_in), "--realign", str(harm)]
    assert run_command([*typed, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["left_behind"]["token.txt"] == "credentials, by its name"
    monkeypatch.setenv("COLUMNS", "300")
    assert run_command([*typed, "--details"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in PRIVATE)


def test_too_many_globs(worked_in):
    for globs in (["*.csv"] * 101, ["*" * 1001]):
        stopped = plan(worked_in, include=globs, realign=paths.sets["realign"]).error
        assert stopped.exit_code == UsageError.exit_code
        assert "more than 100 globs" in stopped.message


@pytest.mark.parametrize(
    ("glob", "says"),
    [("*.tsv", "matches no file"), ("token*.txt", "can't take"), ("README.md", "can't take")],
)
def test_a_glob_that_takes_nothing_is_refused(worked_in, glob, says):
    stopped = plan(worked_in, include=[glob], realign=paths.sets["realign"]).error
    assert stopped.exit_code == UsageError.exit_code
    assert says in stopped.message


def test_a_needed_file_is_named_before_the_work(worked_in, quick_repair, tmp_path, monkeypatch):
    from modelrepair.pipeline import kept_whole as beside

    needs = {"tokenizer": lambda folder: (folder / "scores.csv").read_text()}
    monkeypatch.setattr(beside, "LOOKS", needs)
    with pytest.raises(UnsupportedModelError, match="has another tokenizer") as error:
        quick_repair(source=worked_in, reference="none")
    assert "--include scores.csv" in error.value.hint
    assert not (tmp_path / "out").exists()


def test_what_was_not_fetched_counts(worked_in):
    source = replace(resolve(worked_in), left_behind=("optimizer.pt", "x.gguf"))
    left = files_of_source(source).left_behind
    assert left["optimizer.pt"] == "training state"
    assert left["x.gguf"] == "weights in another format"


def test_a_merge_takes_files_of_both(tmp_path):
    for name in ("adapter", "base"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.safetensors").touch()
        (tmp_path / name / f"{name}.csv").write_text(name)
    adapter, base = (Source(None, None, tmp_path / name, name) for name in ("adapter", "base"))
    assert left_ahead(adapter, base, ("*.csv",)) == {}
    with pytest.raises(UsageError, match=r"'base\*' matches no file"):
        left_ahead(adapter, include=("base*",))
