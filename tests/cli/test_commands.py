"""The other commands: what they ask for and what they print."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from modelrepair.artifact.findings import About, Finding, Verification
from modelrepair.cli.main import COMMANDS, cli
from modelrepair.cli.plan import shown
from modelrepair.text.units import in_bytes


def test_plan(api, call):
    result = call(
        *["plan", "here", "--scorer", "gradient", "--scorer-option", "reduce=abs", "--details"]
    )
    assert result.code == 0
    assert "1.1 GB" in result.out
    assert "99.0 %" in result.out
    assert "custom: notes.txt" in result.out
    _, arguments, options = api.made[0]
    assert arguments == ("here",)
    assert options["scorer_options"] == {"reduce": "abs"}
    assert call("plan", "here", "--json").json["parameters"] == 1000


def test_measure(api, call):
    result = call(*["measure", "here", "--utility", "u.jsonl", "--judge", "mine"])
    assert result.code == 0
    assert "0.750  n=50" in result.out
    assert "[0.700, 0.800]" in result.out
    assert result.out.splitlines()[0] == "Warning: few"
    assert result.out.splitlines()[-1] == "Next: modelrepair fix here"
    _, arguments, options = api.made[0]
    assert arguments == ("here",)
    assert (options["utility"], options["judge"]) == ("u.jsonl", "mine")
    assert call("measure", "here", "--json").json["measures"]["judge"] == "keyword"


def test_verify_names_each_finding_and_fails(api, call):
    result = call(*["verify", "repaired", "--source", "here", "--reference", "there"])
    assert result.code == 1
    assert result.out.splitlines() == [
        "MR-VER-013 outside-mask: a.safetensors: w: 1 entry differs",
        "  Hint: don't trust this model",
        "Note: the reference is private",
        "NOT verified (9 files, 1,000 entries)",
        "Next: don't use repaired; a repair of your own: modelrepair fix here",
    ]
    name, arguments, options = api.made[0]
    assert (name, arguments) == ("verify", ("repaired",))
    assert options.pop("progress") is not None
    assert options == {"revision": None, "source": "here", "reference": "there", "base": None}
    document = call("verify", "repaired", "--source", "here", "--json").json
    assert document["ok"] is False
    assert document["findings"][0]["code"] == "outside-mask"


def test_what_does_not_verify_only_says_of_itself_what_it_is(api, call):
    finding = Finding("added", "handler.py", None, "is code")
    api.answers["verify"] = Verification(
        (finding,), {"files": 9}, about=About(summary="1 % masked")
    )
    last = call("verify", "repaired", "--source", "here").out.splitlines()[-2]
    assert last == "NOT verified; it says of itself: 1 % masked (9 files)"


def test_verify_passes(api, call):
    api.answers["verify"] = Verification((), {"files": 9}, about=About(summary="1 % masked"))
    result = call("verify", "repaired", "--source", "here")
    assert (result.code, result.out.splitlines()) == (
        0,
        ["verified: 1 % masked (9 files)", "Next: use repaired in place of here"],
    )


def test_apply(api, call):
    result = call(*["apply", "mask.safetensors", "here", "--out", "there"])
    assert result.code == 0
    assert result.out.splitlines()[-1] == "Next: use there in place of here"
    name, arguments, options = api.made[0]
    assert (name, arguments) == ("apply", (Path("mask.safetensors"), "here"))
    assert options.pop("progress") is not None
    assert options == {"reference": None, "base": None, "out": Path("there")}


def test_scorers_list(call):
    result = call("scorers", "list")
    assert result.code == 0
    for name in ("wanda", "magnitude", "gradient", "contrast"):
        assert name in result.out
    document = call("scorers", "list", "--json").json
    wanda = next(item for item in document["scorers"] if item["name"] == "wanda")
    assert wanda["distribution"] == "modelrepair"
    assert [option["name"] for option in wanda["options"]] == ["norm", "tokens"]


def test_scorers_show(call):
    result = call("scorers", "show", "contrast")
    assert result.code == 0
    assert "works in rounds; only scores above zero count" in result.out
    assert "lambda" in result.out
    assert call("scorers", "show", "magnitude").out.splitlines()[-1] == "no options"
    assert call("scorers", "show", "contrast", "--json").json["scope"] == "global"
    wrong = call("scorers", "show", "wnada", "--json")
    assert wrong.code == 2
    assert wrong.json["error"]["hint"] == "did you mean 'wanda'?"


def test_plugins_list(call):
    assert "builtin" in call("plugins", "list").out
    document = call("plugins", "list", "--json").json
    ours = next(item for item in document["plugins"] if item["distribution"] == "modelrepair")
    assert (ours["status"], ours["errors"]) == ("active", [])


SKIPPED = "\n".join([*(f"{i}: x" for i in range(8)), "and 2 more"])


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("shards", 1, "1"),
        ("notes", None, "–"),
        ("tied", True, "yes"),
        ("parameters", 134515008, "134,515,008"),
        ("coverage", 0.9912, "99.1 %"),
        ("seconds", 0.5, "0.5"),
        ("passes", ["record", "sweep"], "record\nsweep"),
        ("skipped", {"a.bias": "no matrix"}, "a.bias: no matrix"),
        ("skipped", {}, "–"),
        ("skipped", {str(i): "x" for i in range(10)}, SKIPPED),
        ("passes", [{"set": "realign", "tokens": 1200}], "set realign, tokens 1,200"),
        ("disk", {"output_bytes": 2048}, "output_bytes: 2.0 kB"),
    ],
)
def test_values_of_a_plan(name, value, text):
    assert shown(name, value) == text


def test_bytes():
    assert [in_bytes(count) for count in (0, 1536, 2**41)] == ["0 bytes", "1.5 kB", "2.2 TB"]


@pytest.mark.parametrize("name", ["fix", "plan", "measure", "apply", "verify", "demo"])
def test_every_option_says_what_it_does(call, name):
    result = call(name, "--help")
    assert result.code == 0
    command = cli.get_command(click.Context(cli), name)
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help.endswith((".", "…")), parameter.name
            assert parameter.opts[0] in result.out


def test_help_and_version(call):
    assert [name for name in COMMANDS if f"\n  {name}" not in call("--help").out] == []
    assert call("--version").out.startswith("modelrepair ")
    assert "Machine:" in call("fix", "-h").out
