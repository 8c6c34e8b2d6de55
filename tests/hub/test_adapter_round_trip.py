"""Adapters there and back: fixed by id, pushed, loaded by peft on its base, verified by id."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import huggingface_hub.constants as constants
import pytest

from modelrepair.cli.main import run
from modelrepair.demo import paths
from tests.support.hub.client import point_at
from tests.support.hub.leaks import found_in, leaks, texts_of
from tests.support.hub.repaired import files_of
from tests.support.hub.server import serve
from tests.support.hub.sharded import QUICK, here_fixture  # noqa: F401
from tests.support.hub.state import Hub

WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"
CARD = b"---\nlicense: apache-2.0\nlibrary_name: peft\nbase_model: org/old\n---\nMine.\n"
ELSEWHERE = "/home/someone/base"
HOLD = [word for word in QUICK if word not in ("--push", "--force")]


def fill(hub: Hub, base: str | None = "org/aligned", owner: str = "user", **flags: object) -> str:
    """The demo's adapter as its author would have uploaded it, and the model that it adapts."""
    config = json.loads((paths.adapter / CONFIG).read_text())
    config["base_model_name_or_path"] = base
    more = {CONFIG: json.dumps(config).encode(), "README.md": CARD, "training_args.bin": b"\x80"}
    hub.add("org/aligned", files_of(paths.reference), **flags)
    return hub.add(f"{owner}/adapter", {**files_of(paths.adapter), **more})


def load(id: str, cache, revision: str = "main"):
    """An adapter as its users load it: peft finds the base by the id in its config."""
    from peft import AutoPeftModelForCausalLM

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return AutoPeftModelForCausalLM.from_pretrained(id, revision=revision, cache_dir=cache)


def answer(capsys, *arguments: str, code: int = 0) -> dict:
    """What a command says with --json, once its exit code is the expected one."""
    capsys.readouterr()
    found = run([*arguments, "--json"])
    captured = capsys.readouterr()
    assert found == code, captured.out + captured.err
    return json.loads(captured.out)


@pytest.mark.quick("xet")
@pytest.mark.parametrize("xet", [False, True], ids=["plain", "xet"])
def test_a_new_repository(monkeypatch, here, capsys, tmp_path, xet):
    from safetensors.torch import load_file

    monkeypatch.chdir(here)
    with serve(tmp_path / "store") as hub:
        point_at(hub, monkeypatch, tmp_path, xet=xet)
        monkeypatch.setenv("HF_TOKEN", hub.token)
        commit = fill(hub)
        document = answer(capsys, "fix", "user/adapter", *QUICK)
        manifest = document["manifest"]
        assert document["pushed"]["target"] == "me/adapter-repaired"
        assert (manifest["subject"], manifest["source"]["commit"]) == ("factor", commit)
        repo = hub.repos["me/adapter-repaired"]
        assert bool(repo.commit().files[WEIGHTS].xet) == xet
        pushed = {name: data for name, data in repo.files().items() if name != ".gitattributes"}
        assert pushed == files_of(here / "adapter-repaired")
        assert "training_args.bin" not in pushed

        loaded = dict(load("me/adapter-repaired", tmp_path / "other cache").named_parameters())
        for name, tensor in load_file(here / "adapter-repaired" / WEIGHTS).items():
            found = loaded[name.replace(".lora_A.", ".lora_A.default.").replace(
                ".lora_B.", ".lora_B.default."
            )]  # fmt: skip
            assert (found == tensor).all(), name

        by_ids = ["--source=user/adapter", "--base=org/aligned"]
        hub.add("user/adapter", {CONFIG: b"{}", WEIGHTS: b"later"})
        assert answer(capsys, "verify", "me/adapter-repaired", *by_ids)["ok"] is True
        assert not found_in(hub, here)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["--pr", "--in-place"])
def test_in_the_source_s_own_repository(hub, here, monkeypatch, capsys, tmp_path, way):
    monkeypatch.chdir(here)
    owner = "user" if way == "--pr" else "me"
    commit = fill(hub, owner=owner)
    pushed = answer(capsys, "fix", f"{owner}/adapter", *QUICK, way)["pushed"]
    assert pushed["deleted"] == ["training_args.bin"]
    assert set(pushed["pushed"]) >= {WEIGHTS, "README.md", "repair/manifest.json"}
    assert CONFIG not in pushed["pushed"], "nothing in it changed"
    revision = pushed["revision"]
    assert load(f"{owner}/adapter", tmp_path / "other cache", revision).peft_config
    by_ids = [f"--source={owner}/adapter", "--base=org/aligned", f"--revision={revision}"]
    assert answer(capsys, "verify", f"{owner}/adapter", *by_ids)["ok"] is True
    again = ["push", "adapter-repaired", "--force", way]
    assert answer(capsys, *again)["nothing_to_push"] is True
    repo = hub.repos[f"{owner}/adapter"]
    assert (repo.head == commit) == (way == "--pr")
    assert len(repo.discussions) == (way == "--pr")
    assert not found_in(hub, here)


@pytest.mark.slow
def test_a_local_base_is_refused_at_the_push_and_its_id_goes_through(
    hub,
    here,
    monkeypatch,
    capsys,
):
    monkeypatch.chdir(here)
    fill(hub, ELSEWHERE)
    local = ["fix", "user/adapter", f"--base={paths.reference}"]
    saved = answer(capsys, *local, *HOLD, "--out=local")
    assert any("--base with a Hub id mends it" in each for each in saved["warnings"])
    error = answer(capsys, "push", "local", "--force", code=2)["error"]
    assert "is a path of this machine" in error["message"] and "--base" in error["hint"]
    assert not [path for method, path in hub.requests if method == "POST"]
    assert "me/adapter-repaired" not in hub.repos

    pushed = answer(capsys, "fix", "user/adapter", "--base=org/aligned", *QUICK, "--out=by-id")
    assert pushed["pushed"]["target"] == "me/adapter-repaired"
    config = json.loads(hub.repos["me/adapter-repaired"].files()[CONFIG])
    assert config["base_model_name_or_path"] == "org/aligned"
    by_ids = ["--source=user/adapter", "--base=org/aligned"]
    assert answer(capsys, "verify", "me/adapter-repaired", *by_ids)["ok"] is True
    assert not found_in(hub, here) + leaks(texts_of(hub), [ELSEWHERE])


def test_a_base_that_can_not_be_found_is_refused_before_weights(hub, here, monkeypatch, capsys):
    monkeypatch.chdir(here)
    fill(hub, ELSEWHERE)
    fixed = ["fix", "user/adapter", f"--base={paths.reference}", *QUICK]
    error = answer(capsys, *fixed, code=2)["error"]
    assert CONFIG in error["message"] and "--base" in error["hint"]
    assert not list(Path(constants.HF_HUB_CACHE).rglob("*.safetensors")), "headers, no weights"
    assert not list(here.glob("adapter*"))


def test_a_plan_counts_the_base_and_hides_what_is_private(hub, here, monkeypatch, capsys):
    monkeypatch.chdir(here)
    fill(hub, private=True)
    plan = ["plan", "user/adapter", "--push", "--realign=realign.jsonl"]
    found = answer(capsys, *plan)["hub"]
    weights = (paths.adapter / WEIGHTS).stat().st_size
    beside = sum(path.stat().st_size for path in paths.adapter.iterdir()) - weights
    sent = found["upload_bytes"] - found["mask_bytes"]
    assert 0.9 * weights < sent <= weights + beside + len(CARD)
    assert weights <= found["download_bytes"] < 2 * weights
    base = (paths.reference / "model.safetensors").stat().st_size
    assert found["base"] == "org/aligned" and base <= found["base_bytes"] < 1.1 * base
    assert (found["reference"], found["reference_bytes"]) == (None, 0)
    assert found["visibility"] == "private", "its base is"
    merged = answer(capsys, *plan, "--merge")["hub"]
    assert 0.95 * base < merged["upload_bytes"] - merged["mask_bytes"] <= base + beside + len(CARD)
    fill(hub, ELSEWHERE)
    plan.append(f"--base={paths.reference}")
    assert CONFIG in answer(capsys, *plan, code=2)["error"]["message"]
    assert "error" not in answer(capsys, *plan, "--merge")
