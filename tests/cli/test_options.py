"""Command line, Python API and the command in the card say the same things by the same names."""

from __future__ import annotations

import shlex
import sys

import click
import pytest

from modelrepair.budgets import Budgets
from modelrepair.cli.main import cli
from modelrepair.cli.options import NO_PLUGINS
from modelrepair.errors import UsageError
from modelrepair.plugin.registry import load_registry
from modelrepair.publishing.options import PushOptions
from modelrepair.settings.settings import Settings


@pytest.mark.parametrize(
    "settings",
    [
        Settings("user/model"),
        Settings(
            "user/model",
            revision="abc",
            reference="org/aligned",
            subject="delta",
            targets=("*.q_proj.*", "*.k_proj.*"),
            exclude=("*.0.*",),
            allow_partial=True,
            realign="harm.jsonl",
            test_utility="u.jsonl",
            examples=64,
            scorer="contrast",
            scorer_options={"mu": "3", "lambda": "0.5"},
            scope="global",
            unit="neuron",
            ratio=0.01,
            scale=0.5,
            step=0.01,
            max_rounds=4,
            max_candidates=3,
            protect=0.2,
            fallback=False,
            evaluate=False,
            judge="demo-world",
            max_new_tokens=64,
            budgets=Budgets(harm_ratio=0.5, fewest=10),
            device="cpu",
            arithmetic="bfloat16",
            token_budget=1024,
            seed=3,
            store_values=True,
        ),
    ],
    ids=["defaults", "everything"],
)
def test_the_command_in_the_card_asks_for_the_same_repair(api, call, settings):
    call(*shlex.split(settings.command())[1:])
    ((_, (source,), options),) = api.made
    judge = ("judge_endpoint", "judge_endpoint_model")  # options of the judge, in no command
    for beside in ("progress", "reported", "out", "restart", "push", *judge, *vars(PushOptions())):
        options.pop(beside)
    for name, value in options.items():
        if name.rpartition("_")[2] in ("realign", "refusal", "utility", "borderline"):
            options[name] = None if value is None else str(value)
    assert Settings(source, **options) == settings


WITHOUT = {"apply", "push", "verify", "attest", "audit", "plugins new"}
"""Commands that load no plug-in of another package, whatever they are asked."""


def leaves(command, path=()):
    """Every command that does something, by what is typed."""
    if not isinstance(command, click.Group):
        yield " ".join(path), command
        return
    for name in command.list_commands(None):
        yield from leaves(command.get_command(click.Context(command), name), (*path, name))


def test_every_command_that_loads_plug_ins_can_be_kept_from_it():
    helps = set()
    for typed, command in leaves(cli):
        found = [each for each in command.params if each.name == "no_plugins"]
        assert bool(found) != (typed in WITHOUT), typed
        helps |= {each.help for each in found}
    assert helps == {NO_PLUGINS}


@pytest.mark.parametrize("typed", ["scorers list", "repairers list", "plugins list"])
def test_no_plugins_loads_ours_alone(call, install, scorer_code, typed):
    code = "print('imported')\n" + scorer_code("other")
    install("other-scorer", code)
    assert "imported" in call(*typed.split()).err
    del sys.modules["other_scorer"]
    result = call(*typed.split(), "--no-plugins", "--json")
    assert (result.code, "imported" in result.err) == (0, False)
    assert "other_scorer" not in sys.modules
    assert "imported" in call(*typed.split()).err, "the next command loads it again"


@pytest.mark.parametrize("typed", ["fix m", "measure m --utility x", "plan m"])
def test_no_plugins_reaches_the_work(api, call, install, scorer_code, typed):
    install("other-scorer", scorer_code("other"))
    seen = []

    def look(*arguments, **options):
        seen.append("other" in [each.spec.name for each in load_registry().scorers()])
        raise UsageError("enough", hint="")

    name = {"fix": "repair"}.get(typed.split()[0], typed.split()[0])
    api.answers[name] = look
    call(*typed.split())
    call(*typed.split(), "--no-plugins")
    assert seen == [True, False]
    assert "no_plugins" not in api.made[-1][2], "the command's, not the repair's"


WITH_STEPS = {
    "fix",
    "decide",
    "plan",
    "measure",
    "apply",
    "push",
    "verify",
    "attest",
    "audit",
    "demo",
}


def test_every_command_that_shows_steps_can_write_them_to_a_file():
    found = {typed for typed, each in leaves(cli) if any(p.name == "events" for p in each.params)}
    assert found == WITH_STEPS


@pytest.mark.parametrize("name", sorted(WITH_STEPS))
def test_a_file_of_events_that_cannot_be_written_is_refused_before_the_work(api, call, name):
    typed = {
        "apply": ["m", "s", "--out=o"],
        "decide": ["o", "--before=b", "--after=a"],
        "demo": [],
    }.get(name, ["somewhere"])
    result = call(name, *typed, "--events=no/such/folder.jsonl")
    error, hint = result.err.splitlines()
    assert error == "Error: no events can be written to folder.jsonl: No such file or directory"
    assert hint.startswith("Hint [events-file]: ")
    assert (result.code, result.out, api.made) == (4, "", [])


def test_of_several_ranks_the_first_alone_opens_the_file_of_events(
    api, call, tmp_path, monkeypatch
):
    launched = {"TORCHELASTIC_RUN_ID": "none", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    path = tmp_path / "events.jsonl"
    for rank in ("1", "0"):
        for name, value in {**launched, "RANK": rank, "LOCAL_RANK": rank}.items():
            monkeypatch.setenv(name, value)
        assert not path.exists()
        call("fix", "somewhere", "--events", path)
    assert path.exists()
