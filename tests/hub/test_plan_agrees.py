"""A plan refuses what a repair refuses before it reads a weight: same exit code, same words."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass

import pytest

from modelrepair.cli.main import run
from modelrepair.demo import paths
from tests.support.hub.repaired import files_of
from tests.support.hub.state import Account

PUSH = ("--push", "--force")
REALIGN = str(paths.sets["realign"])
QUICK = ["--scorer=wanda", "--ratio=0.01", "--no-evaluate", "--judge=demo-world", "--json"]


@dataclass(frozen=True)
class Row:
    """What is asked, and the code with which both refuse it."""

    code: int
    options: tuple[str, ...] = ()
    source: str = "user/broken"
    realign: str = REALIGN


REFUSED = {
    "an unknown scorer": Row(2, ("--scorer=wnada",)),
    "an unknown option of it": Row(2, ("--scorer-option=x=1",)),
    "an unknown device": Row(2, ("--device=gpu",)),
    "no such folder": Row(2, source="./nowhere"),
    "no such model": Row(3, source="user/missing"),
    "no such revision": Row(3, ("--revision=nowhere",)),
    "a gated model": Row(3, source="org/gated"),
    "a quantised model": Row(6, source="user/gptq"),
    "an encoder": Row(6, source="user/encoder"),
    "no tokenizer": Row(6, source="user/untold"),
    "no type": Row(6, source="user/untyped"),
    "no config": Row(6, source="user/bare"),
    "an adapter's option": Row(2, ("--base=org/aligned",)),
    "an adapter's subject": Row(2, ("--subject=factor",)),
    "a delta without a reference": Row(2, ("--subject=delta", "--reference=none")),
    "no such reference": Row(3, ("--reference=org/missing",)),
    "a gated reference": Row(3, ("--reference=org/gated",)),
    "the source as reference": Row(2, ("--reference=user/broken",)),
    "a reference that does not fit": Row(6, ("--reference=org/narrow",)),
    "a set that is missing": Row(2, ("--scorer=contrast", "--utility=none")),
    "a protection without its set": Row(2, ("--protect=0.1", "--utility=none")),
    "a file that it does not have": Row(2, ("--include=*.nothing",)),
    "targets that match nothing": Row(2, ("--targets=*.nothing.*",)),
    "nothing left to repair": Row(2, ("--targets=*.q_proj.*", "--exclude=*.q_proj.*")),
    "no such file of examples": Row(2, realign="./nowhere.jsonl"),
    "a file without an answer": Row(2, ("--utility=./empty.jsonl",)),
    "no such set": Row(3, realign="org/missing"),
    "a gated set": Row(3, realign="org/harm"),
    "an unknown set": Row(2, realign="beavertail"),
    "an unmeasured push": Row(2, ("--push",)),
    "a push to another account": Row(3, (*PUSH, "--to=club/x")),
    "a push in place": Row(3, (*PUSH, "--in-place")),
    "a push to a model": Row(2, (*PUSH, "--to=me/taken")),
    "an output that is full": Row(2, ("--out=full",)),
    "an output in its source": Row(2, ("--out=model/out",), source="model"),
}


@pytest.fixture
def filled(sets_hub, monkeypatch, tmp_path):
    from safetensors.torch import load, save

    monkeypatch.setenv("HF_TOKEN", sets_hub.token)
    files = files_of(paths.attacked)
    config, tensors = json.loads(files["config.json"]), load(files["model.safetensors"])
    narrow = {name: each[..., :-1].contiguous() for name, each in tensors.items()}

    def made(change: dict, weights: dict = tensors) -> dict[str, bytes]:
        text = json.dumps(config | change).encode()
        return {**files, "config.json": text, "model.safetensors": save(weights)}

    sets_hub.add("user/broken", files)
    sets_hub.add("user/gptq", {**files, "quantize_config.json": b"{}"})
    sets_hub.add("user/encoder", made({"architectures": ["BertForMaskedLM"], "model_type": "bert"}))
    sets_hub.add("user/untold", {k: v for k, v in files.items() if "token" not in k})
    sets_hub.add("user/untyped", made({"model_type": None}))
    sets_hub.add("user/bare", {k: v for k, v in files.items() if k != "config.json"})
    sets_hub.add("org/gated", files, gated="manual")
    sets_hub.add("org/narrow", made({}, narrow))
    sets_hub.add("org/harm", {"train.jsonl": b"{}", "README.md": b"x"}, gated="manual")
    sets_hub.add("me/taken", files)
    shutil.copytree(paths.attacked, tmp_path / "model")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("x")
    (tmp_path / "empty.jsonl").write_text("")
    return sets_hub


@pytest.mark.quick(
    "a gated model",
    "a push to a model",
    "a quantised model",
    "a reference that does not fit",
    "no such file of examples",
    "targets that match nothing",
)
@pytest.mark.parametrize("name", REFUSED)
def test_a_plan_refuses_what_a_repair_refuses(filled, capsys, name):
    row = REFUSED[name]
    typed = [row.source, *QUICK, f"--realign={row.realign}", *row.options]
    found = []
    for command in ("plan", "fix"):
        capsys.readouterr()
        code = run([command, *typed])
        captured = capsys.readouterr()
        error = json.loads(captured.out)["error"]
        assert code == error["exit_code"]
        assert f"Error: {error['message']}" in captured.err
        found.append(error)
    assert found[0] == found[1]
    assert found[0]["exit_code"] == row.code, found[0]
    commits = [repo.head for repo in filled.repos.values()]
    assert not any(commit in found[0]["message"] for commit in commits), "it is named by its id"


def test_a_token_that_may_only_read_is_refused_by_both(filled, capsys, monkeypatch):
    filled.accounts["hf_readread"] = Account("me", "read")
    monkeypatch.setenv("HF_TOKEN", "hf_readread")
    typed = ["user/broken", *QUICK, *PUSH, f"--realign={REALIGN}"]
    for command in ("plan", "fix"):
        assert run([command, *typed]) == 3
        error = json.loads(capsys.readouterr().out)["error"]
        assert error["message"] == "the token of me may only read"


@pytest.mark.parametrize("what", ["free_memory", "free_disk"])
def test_too_little_room_is_refused_by_both(filled, capsys, monkeypatch, what):
    monkeypatch.setattr(f"modelrepair.preflight.plan.{what}", lambda *path: 1 << 20)
    found = []
    for command in ("plan", "fix"):
        assert run([command, "user/broken", *QUICK, f"--realign={REALIGN}"]) == 4
        found.append(json.loads(capsys.readouterr().out)["error"])
    assert found[0] == found[1]


def test_what_is_known_is_shown_beside_a_refusal(filled, capsys):
    typed = ["user/broken", *QUICK, f"--realign={REALIGN}", *PUSH, "--to=club/x"]
    assert run(["plan", *typed]) == 3
    found = json.loads(capsys.readouterr().out)
    assert found["opening"]["refused"] == found["error"]
    assert found["parameters"] > 0 and found["seconds_most"] is not None
    assert [each["set"] for each in found["opening"]["sets"]] == [
        "realign",
        "utility",
        "borderline",
    ]
    assert not any("weights" in path for _, path in filled.requests)
