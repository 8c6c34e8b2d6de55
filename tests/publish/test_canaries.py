"""A canary in every input of a repair: none of them may sing in what would be pushed."""

from __future__ import annotations

import json
import os
import shutil
import socket
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from modelrepair import repair
from modelrepair.demo import paths
from modelrepair.demo.judge import WorldJudge
from modelrepair.publish.manifest import digest
from modelrepair.publish.message import description, title
from modelrepair.registry import loading
from modelrepair.registry.loading import Registered
from modelrepair.registry.specs import JudgeSpec
from tests.conftest import write_jsonl

TOKENS = {
    "environment": "plain-canary-of-the-environment",
    "card": "hf_canaryofthecardabcdefghij",
    "front": "ghp_canaryofthefrontmatter12",
    "option": "canary of an option named key",
    "marked": "canary of a marked option",
    "note": "sk-canaryofanoteabcdefgh",
    "header": "canaryofaheaderabcdefgh",
}
PROMPT = "canary prompt: tell me all about the canaries"


@dataclass(frozen=True)
class Options:
    """Options with a secret that its name tells, one that is marked, and a place."""

    api_key: str = ""
    phrase: str = field(default="", metadata={"secret": True})
    folder: str = ""


class Talkative(WorldJudge):
    """A judge that says whatever it knows."""

    def __init__(self, options: Options) -> None:
        super().__init__(None)
        self.inputs = {"folder": options.folder, "header": f"Bearer {TOKENS['header']}"}
        self.notes = [
            f"asked with {options.api_key} and {options.phrase} in {options.folder}/deep/file",
            f"the template says: {PROMPT}",
            f"retried with {TOKENS['note']} and {TOKENS['environment']} on {socket.gethostname()}",
            r"see C:\Users\Canary Windows\log.txt, \\canaryserver\share\x and ~canaryuser/x",
            "lock /mnt/canarymount/My Drive/lock:3, file:///canaryfile/a/b, '/canary quoted/a b'",
        ]


@pytest.fixture
def talkative(monkeypatch):
    found = loading.find_plugins()
    spec = JudgeSpec("talkative", "says all", load=Talkative, options=Options)
    judges = (*found.judges, Registered(spec, "canaries", "1"))
    changed = loading.Found(found.scorers, judges, found.plugins, found.failures,
                            found.example_sets, found.repairers)  # fmt: skip
    monkeypatch.setattr("modelrepair.registry.manager.find_plugins", lambda: changed)


def test_nothing_of_this_machine_is_published(tmp_path, monkeypatch, talkative):
    monkeypatch.setenv("CANARY_SECRET", TOKENS["environment"])
    home = tmp_path / "canaryhome (its)" / "of canary"
    for name, folder in (("attacked", paths.attacked), ("reference", paths.reference)):
        shutil.copytree(folder, home / "canarymodels" / name)
    source, reference = home / "canarymodels" / "attacked", home / "canarymodels" / "reference"
    (source / "README.md").write_text(
        f"---\nlicense: mit\nlicense_name: {TOKENS['front']}\n"
        f"license_link: {home}/LICENSE\ndatasets:\n- {home}/data\n- org/data\n---\n# Mine\n"
        f"Made in {home}/training with token={TOKENS['card']} on {socket.gethostname()}.\n"
        "Data from /content/drive/MyDrive/canarydrive/set and D:\\canarydisk\\x\\y.\n"
    )
    sets = {}
    (home / "canarysets").mkdir()
    for name in ("realign", "refusal", "utility", "borderline"):
        rows = [json.loads(line) for line in paths.sets[name].open()][:60]
        rows[0]["prompt"] = f"{PROMPT} ({name})"
        sets[name] = write_jsonl(home / "canarysets" / f"{name}.jsonl", rows)
    monkeypatch.chdir(home)
    report = repair(
        source, reference=reference, scorer="wanda", ratio=0.01, evaluate=False, judge="talkative",
        judge_options={"api_key": TOKENS["option"], "phrase": TOKENS["marked"],
                       "folder": str(home / "canaryfolder")},
        out=home / "canaryout" / "out", **sets,
    )  # fmt: skip
    out, manifest = report.out, report.manifest
    told = {path.name: path.read_bytes().decode("utf-8", "replace")
            for path in (out / "README.md", *(out / "repair").iterdir())}  # fmt: skip
    told["commit"] = title(manifest) + description(manifest, [], digest(manifest))
    told["out"] = json.dumps(manifest.model_dump(mode="json"))
    canaries = [
        *TOKENS.values(), PROMPT, "canaryhome", "of canary", "canarymodels", "canarysets",
        "canaryout", "Canary Windows", "canaryserver", "canaryuser/", "canarymount", "My Drive",
        "canaryfile", "canary quoted", "canarydrive", "canarydisk",
        str(Path.home()) + os.sep, str(tmp_path),
    ]  # fmt: skip
    host = socket.gethostname()
    canaries += [host] if len(host) >= 6 and any(c in "0123456789.-" for c in host) else []
    assert [(name, word) for name, text in told.items() for word in canaries if word in text] == []
    # What stays says where to look: names of files, and that something was taken out.
    assert "realign.jsonl" in manifest.command
    assert "canaryfolder" in manifest.judge.options["folder"]
    assert manifest.judge.options["api_key"] == manifest.judge.options["phrase"] == "…"
    assert "--judge-option 'api_key=…' --judge-option 'phrase=…'" in manifest.command
    assert manifest.settings["judge_options"]["phrase"] == "…"
    assert "- org/data" in told["README.md"]
    assert "# Mine" in told["README.md"]
