"""A canary in every input of a repair: none of them may sing in what would be pushed."""

from __future__ import annotations

import json
import os
import shutil
import socket
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from modelrepair import EventFile, repair
from modelrepair.artifact.digests import digest
from modelrepair.demo import paths
from modelrepair.demo.judge import WorldJudge
from modelrepair.pipeline.reports import RepairReport
from modelrepair.plugin import loading
from modelrepair.plugin.loading import Registered
from modelrepair.plugin.specs import JudgeSpec, RepairerSpec
from modelrepair.publishing.commit_message import description, title
from modelrepair.source.address import is_id
from tests.support.hub.cards import errors
from tests.support.set_files import write_jsonl

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
NAMES = ("realign", "refusal", "utility", "borderline")
HOST = socket.gethostname()
CANARIES = [
    *TOKENS.values(), PROMPT, "canaryhome", "of canary", "canarymodels", "canarysets", "canaryout",
    "Canary Windows", "canaryserver", "canaryuser/", "canarymount", "My Drive", "canaryfile",
    "canary quoted", "canarydrive", "canarydisk", "canaryconfig", "canaryleft", "canaryscorers",
    "canarytemplates", "canarycache", "canarybase", str(Path.home()) + os.sep,
    *([HOST] if len(HOST) >= 6 and any(c in "0123456789.-" for c in HOST) else []),
]  # fmt: skip
"""What may stand nowhere; the folder of the test comes on top."""


@dataclass(frozen=True)
class Options:
    """Options with a secret that its name reveals, one that is marked, and a place."""

    api_key: str = ""
    phrase: str = field(default="", metadata={"secret": True})
    folder: str = ""


SCORER = """
from dataclasses import dataclass, field

@dataclass(frozen=True)
class Options:
    api_key: str = ""
    phrase: str = field(default="", metadata={"secret": True})
    folder: str = ""

class Größe:
    sets = {}
    options = Options
    needs = {}

    def __init__(self, options, subject_kind):
        pass

    def score(self, view, statistics):
        return view.subject.abs()
"""


class Talkative(WorldJudge):
    """A judge that says whatever it knows."""

    def __init__(self, options: Options) -> None:
        from huggingface_hub import constants

        super().__init__(None)
        self.inputs = {"folder": options.folder, "header": f"Bearer {TOKENS['header']}"}
        self.notes = [
            f"asked with {options.api_key} and {options.phrase} in {options.folder}/deep/file",
            f"the template says: {PROMPT}",
            f"retried with {TOKENS['note']} and {TOKENS['environment']} on {socket.gethostname()}",
            r"see C:\Users\Canary Windows\log.txt, \\canaryserver\share\x and ~canaryuser/x",
            "lock /mnt/canarymount/My Drive/lock:3, file:///canaryfile/a/b, '/canary quoted/a b'",
            f"fetched into {constants.HF_HOME}/hub/x and {constants.HF_HUB_CACHE}/y",
        ]


class Halve:
    """A repairer that halves every matrix."""

    strengths = (1.0,)
    statistics_of = "source"

    def __init__(self, options: Options) -> None:
        self.needs = {}

    def edit(self, view, statistics, strength):
        return view.weight / 2


@pytest.fixture(autouse=True)
def talkative(monkeypatch):
    found = loading.find_plugins()
    judge = JudgeSpec("talkative", "says all", load=Talkative, options=Options)
    halve = RepairerSpec("halve", "halves", load=Halve, sets=lambda _: {}, options=Options)
    changed = loading.Found(
        found.scorers, (*found.judges, Registered(judge, "canaries", "1")), found.plugins,
        found.failures, found.example_sets, (Registered(halve, "canaries", "1"),),
    )  # fmt: skip
    monkeypatch.setattr("modelrepair.plugin.registry.find_plugins", lambda: changed)
    monkeypatch.setenv("CANARY_SECRET", TOKENS["environment"])


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder that no card may name, with sets and a cache in it; the run starts there."""
    home = tmp_path / "canaryhome (its)" / "of canary"
    (home / "canarysets").mkdir(parents=True)
    for name in NAMES:
        rows = [json.loads(line) for line in paths.sets[name].open()][:40]
        rows[0]["prompt"] = f"{PROMPT} ({name})"
        write_jsonl(home / "canarysets" / f"{name}.jsonl", rows)
    for name, place in (("HF_HOME", "canarycache (x)"), ("HF_HUB_CACHE", "canarycache (x)/hub")):
        monkeypatch.setattr(f"huggingface_hub.constants.{name}", str(home / place))
    monkeypatch.chdir(home)
    return home


def secrets(home: Path) -> dict[str, str]:
    """Options with canaries in them."""
    return {"api_key": TOKENS["option"], "phrase": TOKENS["marked"],
            "folder": str(home / "canaryfolder, the one")}  # fmt: skip


def fix(home: Path, source: Path, **options) -> RepairReport:
    """A repair by sets of 40 rows, with a judge that says whatever it knows."""
    given = {name: home / "canarysets" / f"{name}.jsonl" for name in NAMES}
    given |= {"judge": "talkative", "judge_options": secrets(home), "examples": 12}
    given |= {"progress": EventFile(home / "events.jsonl"), "evaluate": False, **options}
    return repair(source, out=home / "canaryout" / "out", **given)


def texts_of(report: RepairReport) -> dict[str, str]:
    """Every text of ours that a push would send, and the events, by where it is."""
    out, manifest = report.out, report.manifest
    texts = {path.name: path.read_bytes().decode("utf-8", "replace")
             for path in (out / "README.md", *(out / "repair").iterdir())}  # fmt: skip
    texts["commit"] = title(manifest) + description(manifest, [], digest(manifest))
    texts["manifest"] = json.dumps(manifest.model_dump(mode="json"), ensure_ascii=False)
    texts["events"] = (out.parents[1] / "events.jsonl").read_text(encoding="ascii")
    return texts


def singing(home: Path, report: RepairReport) -> list[tuple[str, str]]:
    """Which canary stands where."""
    words = [*CANARIES, str(home.parents[1])]
    sung = {
        (name, word) for name, text in texts_of(report).items() for word in words if word in text
    }
    return sorted(sung - {("events", "canaryleft")})  # names of what stays are said


def test_nothing_of_this_machine_is_published(home):
    for name, folder in (("attacked", paths.attacked), ("reference", paths.reference)):
        shutil.copytree(folder, home / "canarymodels" / name)
    source, reference = home / "canarymodels" / "attacked", home / "canarymodels" / "reference"
    (source / "README.md").write_text(
        f"---\nlicense: mit\nextra_gated_prompt: Say {TOKENS['front']}\n"
        f"license_link: {home}/LICENSE\ndatasets:\n- {home}/data\n- org/data\n---\n# Mine\n"
        f"Made in {home}/training with token={TOKENS['card']} on {socket.gethostname()}.\n"
        "Data from /content/drive/MyDrive/canarydrive/set and D:\\canarydisk\\x\\y.\n"
    )
    for name in ("config.json", "tokenizer_config.json", "generation_config.json"):
        config = json.loads((source / name).read_text())
        config["_name_or_path"] = f"{home}/canaryconfig"
        config["trained_by"] = f"{home}/canaryconfig with {TOKENS['card']}"
        (source / name).write_text(json.dumps(config))
    (source / "canaryleft.log").write_text("nothing")
    (source / "canaryleft").mkdir()
    (source / "canaryleft" / "canaryleft of mine.csv").write_text("nothing")
    (source / "LICENSE").write_text("Do what you like.")
    own = reference / "tokenizer_config.json"
    refusing = "{{ raise_exception('no room for ' + messages[0].content) }}"
    own.write_text(json.dumps({**json.loads(own.read_text()), "chat_template": refusing}))
    scorer = home / "canaryscorers (it)" / "mine of it.py"
    scorer.parent.mkdir()
    scorer.write_text(SCORER, encoding="utf-8")
    template = home / "canarytemplates of it" / "my own.jinja"
    template.parent.mkdir()
    template.write_text(json.loads((paths.attacked / own.name).read_text())["chat_template"] + " ")
    realign = home / "canarysets" / "ré align -- set: #1, 'it'.jsonl"
    (home / "canarysets" / "realign.jsonl").rename(realign)
    utility = home / "canarysets" / ("x" * 90 + "--(of mine)")
    utility.mkdir()
    (home / "canarysets" / "utility.jsonl").rename(utility / "data.jsonl")
    report = fix(
        home, source, reference=reference, subject="weight", ratio=0.01, evaluate=True,
        realign=realign, utility=utility,
        scorer=f"{scorer}:Größe", scorer_options=secrets(home),
        also_template=[template], max_new_tokens=4,
    )  # fmt: skip
    assert singing(home, report) == []
    # What stays says where to look: names of files, and that something was taken out.
    manifest = report.manifest
    assert f'--realign "{realign.name}" --refusal refusal.jsonl' in manifest.command
    assert manifest.sets["realign"].id == realign.name
    assert manifest.sets["utility"].id == utility.name
    for options in (manifest.judge.options, manifest.scorer.options):
        assert "canaryfolder" in options["folder"]
        assert options["api_key"] == options["phrase"] == "…"
    for plugin in ("scorer", "judge"):
        told_so = f'--{plugin}-option "api_key=…" --{plugin}-option "phrase=…"'
        assert told_so in manifest.command
        assert manifest.settings[f"{plugin}_options"]["phrase"] == "…"
    assert '--scorer "mine of it.py:Größe"' in manifest.command
    assert '--also-template "my own.jinja"' in manifest.command
    assert [each.id for each in manifest.templates] == ["my own.jinja"]
    assert any("the chat template refuses the turns" in line for line in manifest.warnings)
    card = texts_of(report)["README.md"]
    assert "# Mine" in card
    front = ModelCard(card).data
    assert front.datasets == ["org/data"]
    assert front.tags == ["modelrepair", "scorer:Größe"]
    assert {each.dataset_type for each in front.eval_results} == {
        "re-align-set-1-it-.jsonl",
        "x" * 90 + "-of-mi",
    }
    assert all(is_id(each.dataset_type) for each in front.eval_results)
    assert errors(card) == []
    # Files of the source go out under their own names, without paths of this machine.
    assert {"LICENSE", "config.json"} <= manifest.files.keys()
    assert sum(manifest.left_behind_kinds.values()) >= 2
    for name in ("config.json", "tokenizer_config.json", "generation_config.json"):
        assert "_name_or_path" not in json.loads((report.out / name).read_text()), name


def test_nothing_of_a_repairer_s_options_is_published(home):
    report = fix(home, paths.attacked, reference="none", repairer="halve", strength=1.0,
                 repairer_options=secrets(home))  # fmt: skip
    assert singing(home, report) == []
    assert report.manifest.repairer.options["phrase"] == "…"
    assert '--repairer-option "api_key=…"' in report.manifest.command


@pytest.mark.parametrize("merge", [False, True])
def test_nothing_of_an_adapter_s_base_is_published(home, merge):
    base = shutil.copytree(paths.reference, home / "canarybases" / "of it" / "reference")
    adapter = shutil.copytree(paths.adapter, home / "canarymodels" / "adapter")
    config = json.loads((adapter / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = str(base)
    (adapter / "adapter_config.json").write_text(json.dumps(config))
    report = fix(home, adapter, base=base, merge=merge, ratio=0.02, scorer="magnitude")
    assert singing(home, report) == []
    assert report.manifest.base.id == "reference"
    assert "--base reference" in report.manifest.command
