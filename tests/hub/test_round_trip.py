"""There and back: fixed by id, pushed, loaded, verified by id, and nothing leaked."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import huggingface_hub.constants as constants
import pytest

from modelrepair.cli.main import run
from modelrepair.demo import paths
from tests.support.hub.client import environment, process
from tests.support.hub.leaks import found_in
from tests.support.hub.repaired import files_of
from tests.support.hub.server import serve
from tests.support.hub.sharded import (
    QUICK,
    SHARDS,
    fill,
    here_fixture,  # noqa: F401
    sharded,
)

LOAD = """
import sys
from transformers import AutoModelForCausalLM, AutoTokenizer
model = AutoModelForCausalLM.from_pretrained(sys.argv[1])
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
print(sum(p.numel() for p in model.parameters()), len(tokenizer))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "xet", [pytest.param(False, id="plain", marks=pytest.mark.slow), pytest.param(True, id="xet")]
)
def test_a_new_repository_by_processes_of_their_own(here, tmp_path, xet):
    with serve(tmp_path / "store") as hub:
        commit = fill(hub)
        user = {**environment(hub, here.parent, token=hub.token, xet=xet), "USER": "secretuser"}
        ended = process("fix", "user/broken", *QUICK, folder=here, environment=user)
        assert ended.returncode == 0, ended.stderr
        document = json.loads(ended.stdout)
        assert document["pushed"]["target"] == "me/broken-repaired"
        assert set(document["manifest"]["left_behind"]) >= {"training_args.bin", "tf_model.h5"}
        repo = hub.repos["me/broken-repaired"]
        assert [bool(repo.commit().files[name].xet) for name in SHARDS] == [xet, xet]
        pushed = {name: data for name, data in repo.files().items() if name != ".gitattributes"}
        assert pushed == files_of(here / "broken-repaired")

        loaded = subprocess.run(
            [sys.executable, "-c", LOAD, "me/broken-repaired"],
            cwd=here, env=user, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert loaded.returncode == 0, loaded.stderr
        assert loaded.stdout.split() == ["892544", "346"]

        hub.add("user/broken", {**sharded(paths.attacked), "config.json": b"{}"})
        by_ids = ["--source=user/broken", "--reference=org/aligned", "--json"]
        checked = process("verify", "me/broken-repaired", *by_ids, folder=here, environment=user)
        assert checked.returncode == 0, checked.stdout + checked.stderr
        assert json.loads(checked.stdout)["ok"] is True
        assert any(commit in path for _, path in hub.requests), "the manifest's commit, not main"

        again = process("push", "broken-repaired", "--force", "--json", folder=here,
                        environment=user)  # fmt: skip
        assert json.loads(again.stdout)["nothing_to_push"] is True
        ran = (ended, loaded, checked, again)
        log, answer = (
            "".join(each) for each in zip(*((r.stderr, r.stdout) for r in ran), strict=True)
        )
        assert not found_in(hub, here, log, answer)


@pytest.mark.quick("--pr")
@pytest.mark.parametrize("way", ["--pr", "--in-place"])
def test_in_the_source_s_own_repository(hub, here, monkeypatch, capsys, tmp_path, way):
    monkeypatch.chdir(here)
    owner = "user" if way == "--pr" else "me"
    commit = fill(hub, owner)
    assert run(["fix", f"{owner}/broken", *QUICK, way]) == 0, capsys.readouterr().err
    document = json.loads(capsys.readouterr().out)
    revision = document["pushed"]["revision"]
    assert revision == ("refs/pr/1" if way == "--pr" else "main")
    assert set(document["pushed"]["deleted"]) == {"training_args.bin", "tf_model.h5"}
    repo = hub.repos[f"{owner}/broken"]
    assert (repo.head == commit) == (way == "--pr")

    from transformers import AutoModelForCausalLM

    loaded = AutoModelForCausalLM.from_pretrained(
        f"{owner}/broken", revision=revision, cache_dir=tmp_path / "cache"
    )
    assert loaded.config.num_hidden_layers == 4
    by_ids = [f"--source={owner}/broken", "--reference=org/aligned", f"--revision={revision}"]
    code = run(["verify", f"{owner}/broken", *by_ids, "--json"])
    assert code == 0, capsys.readouterr().out
    assert run(["fix", f"{owner}/broken", f"--revision={commit}", *QUICK, way, "--out=b"]) == 0
    assert len(repo.discussions) == (way == "--pr")
    assert not found_in(hub, here, log=capsys.readouterr().err)


def no_weight_was_fetched(here: Path) -> bool:
    """Headers are read from the Hub and stay out of its cache; weights would lie there."""
    written = {path.name for path in here.iterdir()} - {"realign.jsonl"}
    return not written and not list(Path(constants.HF_HUB_CACHE).rglob("*.safetensors"))


BESIDE = {"x-Q4_K_M.gguf": b"GGUF", "evals/mine.json": b"{}"}


@pytest.mark.quick("files0-*", "files4-*")
@pytest.mark.parametrize(
    ("files", "options", "said", "hint"),
    [
        ({"LICENSE": b"", "config.json": b"{}"}, [], "holds config.json, which", "--to"),
        ({SHARDS[0]: b"x"}, [], f"holds {SHARDS[0]}", f"--delete {SHARDS[0]}"),
        ({"repair/mask.safetensors": b"x"}, [], "holds repair/mask.safetensors", "--delete"),
        ({"Tokenizer.json": b"x"}, [], "holds Tokenizer.json", "--delete"),
        (BESIDE, ["--delete=*.onnx"], "--delete '*.onnx' matches no file of", "names inside"),
    ],
)
def test_what_is_in_the_way_stops_fix_and_plan_before_a_weight(
    hub, here, monkeypatch, capsys, files, options, said, hint
):
    monkeypatch.chdir(here)
    fill(hub)
    hub.add("me/broken-repaired", {".gitattributes": b"", "README.md": b"Hi", **files})
    assert run(["fix", "user/broken", *QUICK, *options]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert said in error["message"] and hint in error["hint"]
    assert no_weight_was_fetched(here)
    assert run(["plan", "user/broken", *QUICK, *options]) == 2
    assert json.loads(capsys.readouterr().out)["error"] == error


def test_in_place_of_a_commit_that_is_no_longer_the_newest(hub, here, monkeypatch, capsys):
    monkeypatch.chdir(here)
    commit = fill(hub, "me")
    hub.add("me/broken", {**hub.repos["me/broken"].files(), "config.json": b'{"newer": 1}'})
    assert run(["fix", "me/broken", f"--revision={commit}", *QUICK, "--in-place"]) == 3
    error = json.loads(capsys.readouterr().out)["error"]
    assert "config.json of me/broken was changed since" in error["message"]
    assert no_weight_was_fetched(here)


def test_a_plan_says_what_stays_beside_and_what_verify_will_say(hub, here, monkeypatch, capsys):
    monkeypatch.chdir(here)
    fill(hub)
    hub.add("me/broken-repaired", {".gitattributes": b"", "README.md": b"Hi", **BESIDE})
    options = ["--realign=realign.jsonl", "--push", "--force", "--json"]
    assert run(["plan", "user/broken", *options]) == 0
    there = json.loads(capsys.readouterr().out)["hub"]["there"]
    kept = {each["file"]: each["verify"] for each in there["kept"]}
    assert kept["evals/mine.json"] is None and "may be loaded" in kept["x-Q4_K_M.gguf"]
    assert run(["plan", "user/broken", *options, "--delete=*.gguf"]) == 0
    there = json.loads(capsys.readouterr().out)["hub"]["there"]
    assert there["deleted"] == ["x-Q4_K_M.gguf"] and len(there["kept"]) == 1


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--push", "--pr", "--in-place"], 2, "--pr and --in-place exclude each other"),
        (["--pr"], 2, "--pr without --push"),
        (["--push"], 2, "an unmeasured repair is not pushed"),
        (["--push", "--force", "--to=a/b/c"], 2, "'a/b/c' is no id"),
    ],
)
def test_what_makes_no_sense_is_said_at_once(hub, here, monkeypatch, capsys, options, code, said):
    monkeypatch.chdir(here)
    fill(hub)
    quick = [word for word in QUICK if word not in ("--push", "--force")]
    assert run(["fix", "user/broken", *quick, *options]) == code
    assert said in json.loads(capsys.readouterr().out)["error"]["message"]
    assert hub.requests == []


def test_a_push_that_fails_after_saving_is_finished_by_push_alone(hub, here, monkeypatch, capsys):
    monkeypatch.chdir(here)
    fill(hub)
    hub.fail("POST", "/commit/", 500)
    assert run(["fix", "user/broken", *QUICK]) == 3
    error = json.loads(capsys.readouterr().out)["error"]
    finish = "modelrepair push broken-repaired --force"
    assert error["hint"].endswith(f"finish it with: {finish}")
    hub.faults.clear()
    assert run([*finish.split()[1:], "--json"]) == 0
    assert (
        files_of(here / "broken-repaired").items()
        <= hub.repos["me/broken-repaired"].files().items()
    )
    assert not found_in(hub, here)


def test_offline_with_a_cached_model(hub, here, monkeypatch, capsys):
    monkeypatch.chdir(here)
    commit = fill(hub)
    quick = [word for word in QUICK if word not in ("--push", "--force")]
    assert run(["fix", "user/broken", *quick, "--out=one"]) == 0
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    before = len(hub.requests)
    capsys.readouterr()
    assert run(["fix", "user/broken", *quick, "--out=two"]) == 0, capsys.readouterr().err
    assert json.loads(capsys.readouterr().out)["manifest"]["source"]["commit"] == commit
    by_ids = ["--source=user/broken", "--reference=org/aligned", "--json"]
    assert run(["verify", "two", *by_ids]) == 0, capsys.readouterr().out
    measuring = ["--realign=realign.jsonl", "--realign-limit=8", "--judge=demo-world", "--json"]
    capsys.readouterr()
    assert run(["measure", "user/broken", *measuring]) == 0
    assert json.loads(capsys.readouterr().out)["measures"]["harmful_score"]["n"] == 8
    assert len(hub.requests) == before
    mask = "repair/mask.safetensors"
    assert (here / "one" / mask).read_bytes() == (here / "two" / mask).read_bytes()
