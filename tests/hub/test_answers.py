"""Every command prints its answer once with ``--json``, and never asks a question."""

from __future__ import annotations

import json
import shlex

import click
import pytest

from modelrepair.cli.main import cli, run
from modelrepair.demo import paths
from tests.support.hub.sharded import QUICK, fill, here_fixture  # noqa: F401

FIX = shlex.join(word for word in QUICK if word != "--json")
ORIGINS = "--source user/broken --reference org/aligned"
ANSWERS = {
    "plan": f"user/broken {FIX}",
    "fix": f"user/broken {FIX}",
    "push": "broken-repaired --force",
    "verify": f"me/broken-repaired {ORIGINS}",
    "apply": "broken-repaired user/broken --reference org/aligned --out rebuilt",
    "measure": "user/broken --realign realign.jsonl --realign-limit 8 --judge demo-world",
    "audit": "user/broken --base org/aligned --fail-on never --seed 1",
    "attest": "broken-repaired --out statement.json",
    "repairers list": "",
    "scorers list": "",
    "scorers show": "contrast",
    "plugins list": "",
    "plugins check": "keyword",
    "plugins new": "my-scorer",
    "demo": "",
}
FAULTS = {
    "plan": ("user/missing", 3),
    "fix": ("user/missing", 3),
    "push": ("nowhere", 2),
    "verify": ("me/missing --source user/broken", 3),
    "apply": ("broken-repaired org/aligned --reference org/aligned --out other", 1),
    "measure": ("user/missing --realign realign.jsonl", 3),
    "decide": ("nowhere --before http://h/v1 --after http://h/v1", 2),
    "audit": ("user/missing", 3),
    "attest": ("nowhere", 2),
    "repairers list": ("more", 2),
    "repairers show": ("unknown", 2),
    "scorers list": ("more", 2),
    "scorers show": ("unknown", 2),
    "plugins list": ("more", 2),
    "plugins check": ("unknown", 2),
    "plugins new": ("wanda", 2),
    "demo": ("--seed-world nowhere", 2),
}


class NoInput:
    """A standard input without a user: reading from it is a failure."""

    def isatty(self) -> bool:
        return False

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"stdin.{name}: a question without a terminal")


def asked(*arguments: object, **options: object) -> None:
    raise AssertionError(f"a question without a terminal: {arguments}")


@pytest.fixture
def alone(monkeypatch, here):
    monkeypatch.chdir(here)
    for name in ("builtins.input", "getpass.getpass", "click.prompt", "click.confirm"):
        monkeypatch.setattr(name, asked)
    monkeypatch.setattr("sys.stdin", NoInput())
    return here


def leaves(group: click.Group, before: str = "") -> list[str]:
    """Every command that does something, by its whole name."""
    found = []
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        whole = f"{before}{name}"
        found += leaves(command, f"{whole} ") if isinstance(command, click.Group) else [whole]
    return found


def test_no_command_is_forgotten():
    assert sorted(leaves(cli)) == sorted(FAULTS)
    # There are repairers in plug-ins alone; what servers answer is tested with `decide`.
    assert FAULTS.keys() - ANSWERS.keys() == {"repairers show", "decide"}


def said(capsys, name: str, arguments: str, code: int) -> dict:
    """The one line on stdout."""
    capsys.readouterr()
    found = run([*name.split(), *shlex.split(arguments), "--json"])
    captured = capsys.readouterr()
    assert found == code, f"{name}: {captured.err}"
    assert captured.out.count("\n") == 1 and captured.out.endswith("\n"), f"{name} answers once"
    document = json.loads(captured.out)
    assert isinstance(document, dict)
    return document


def test_every_command_answers_once_and_asks_nothing(hub, alone, capsys, monkeypatch):
    from modelrepair.demo.report import DemoReport

    # The demo takes a minute; what it answers is tested with it.
    monkeypatch.setattr("modelrepair.demo.run.run_demo", lambda *a, **o: DemoReport((), ()))
    fill(hub)
    for name, arguments in ANSWERS.items():
        # The reference has no card: whether the licence is wider than its own is not known.
        code = 7 if name == "audit" else 0
        assert "error" not in said(capsys, name, arguments, code), name


def test_every_command_tells_a_fault_once_and_asks_nothing(hub, alone, capsys):
    from tests.support.small_repairs import make_repair

    fill(hub)
    make_repair(alone / "made").out.rename(alone / "broken-repaired")
    for name, (arguments, code) in FAULTS.items():
        error = said(capsys, name, arguments, code)["error"]
        assert error["exit_code"] == code and error["message"] and error["hint"], name


def test_a_push_without_a_token_asks_for_none(hub, alone, capsys, monkeypatch):
    from tests.support.small_repairs import make_repair

    monkeypatch.delenv("HF_TOKEN")
    make_repair(alone / "made")
    error = said(capsys, "push", "made/out", 3)["error"]
    assert error["message"] == "there is no token to push with"


def test_people_see_each_answer_once_too(hub, alone, capsys):
    fill(hub)
    capsys.readouterr()
    assert run(["plan", str(paths.attacked), "--realign=realign.jsonl"]) == 0
    shown = capsys.readouterr()
    assert shown.out.count("can be repaired") == 1 and shown.err == ""
