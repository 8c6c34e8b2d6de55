"""A plug-in that offers a name of ours: ours stays, its other names work, and it is reported."""

from __future__ import annotations

import pytest

from modelrepair.cli.main import run
from modelrepair.examples.find import find_set
from modelrepair.examples.load import SetReading
from modelrepair.plugin.registry import load_registry

TAKER = """
from modelrepair.plugin.hookspecs import hookimpl
from modelrepair.plugin.specs import ExampleSetSpec, JudgeSpec, ScorerSpec

@hookimpl
def modelrepair_scorers():
    sets = lambda options, kind: {"realign": "prompts"}
    return [ScorerSpec(name, "not ours", "nowhere:Nothing", sets) for name in ("wanda", "mine")]

@hookimpl
def modelrepair_judges():
    return [JudgeSpec(name, "not ours", load=dict) for name in ("keyword", "strict")]

@hookimpl
def modelrepair_example_sets():
    return [
        ExampleSetSpec(name, "not ours", "org/other", ("utility",)) for name in ("plain", "fancy")
    ]
"""


@pytest.fixture
def registry(install):
    install("a-taker", TAKER, version="2.0", entry_point="taker")
    return load_registry()


def test_each_name_stays_ours(registry):
    assert registry.scorer("wanda").distribution == "modelrepair"
    assert registry.judge("keyword").distribution == "modelrepair"
    assert registry.example_set("plain", "utility").distribution == "modelrepair"


def test_its_other_names_work(registry):
    assert registry.scorer("mine").distribution == "a-taker"
    assert registry.judge("strict").distribution == "a-taker"
    assert registry.example_set("fancy", "utility").distribution == "a-taker"


def test_each_name_is_reported(registry, capsys):
    said = [str(failure) for failure in registry.failures]
    assert said == [
        f"a-taker 2.0 (taker): offers the name {name!r}, which is modelrepair's own and stays so"
        for name in ("wanda", "keyword", "plain")
    ]
    for command in ("scorers", "plugins"):
        assert run([command, "list", "--json"]) == 0
        out, err = capsys.readouterr()
        assert "'wanda'" in out + err


def test_our_set_is_the_one_that_is_read(registry):
    assert find_set("plain", "utility", SetReading())[0].id == "plain"
