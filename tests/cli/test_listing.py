"""Listings of plug-ins: what a kind's columns, fields and traits add to what each kind shows."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest

from modelrepair.cli.listing import Listing, list_plugins, show_plugin
from modelrepair.cli.output import Output
from modelrepair.errors import UsageError
from modelrepair.plugin.loading import Found, PluginFailure, Registered
from modelrepair.plugin.registry import Registry
from modelrepair.plugin.specs import RepairerSpec

BROKEN = PluginFailure("broken-plugin", "0.3", "plugin", "ImportError: no module named torch")


@dataclass(frozen=True)
class Options:
    rate: float = field(default=0.5, metadata={"help": "how fast it learns"})
    lambda_: int = 3


@pytest.fixture
def installed(monkeypatch):
    """Replace what is installed by these specs, each of a distribution of its own."""

    def put(*specs: RepairerSpec, failures: tuple[PluginFailure, ...] = ()) -> None:
        offered = tuple(
            Registered(spec, f"from-{spec.name}", f"{number}.0", digest=f"{number}f" * 32)
            for number, spec in enumerate(specs, 1)
        )
        registry = Registry(Found((), (), (), failures, repairers=offered))
        monkeypatch.setattr("modelrepair.cli.listing.load_registry", lambda: registry)

    return put


def repairer(name: str, **more) -> RepairerSpec:
    return RepairerSpec(name, f"what {name} does", load="no:where", sets=lambda _: {}, **more)


LISTING = Listing(
    kind="menders",
    installed=Registry.repairers,
    named=Registry.repairer,
    columns={"trains": lambda spec: "yes" if spec.trains else "never"},
    fields=lambda item: {"digest": item.digest, "reference": item.spec.reference},
    traits=lambda spec: f"traits of {spec.name}",
)


def test_a_table_has_a_row_for_each_plug_in_and_the_columns_of_its_kind(installed, capsys):
    installed(repairer("one", trains=True), repairer("two"))
    list_plugins(Output(), LISTING)
    out, err = capsys.readouterr()
    rows = [
        [cell.strip() for cell in line.strip("│┃").replace("┃", "│").split("│")]
        for line in out.splitlines()
        if line[0] in "│┃"
    ]
    assert rows == [
        ["name", "summary", "trains", "distribution"],
        ["one", "what one does", "yes", "from-one 1.0"],
        ["two", "what two does", "never", "from-two 2.0"],
    ]
    assert err == ""


def test_a_document_has_the_fields_of_every_kind_and_those_of_its_own(installed, capsys):
    installed(repairer("one", reference=True, options=Options, url="https://one.example"))
    list_plugins(Output(json_mode=True), LISTING)
    expected = {
        "name": "one",
        "summary": "what one does",
        "distribution": "from-one",
        "version": "1.0",
        "digest": "1f" * 32,
        "reference": True,
        "api": 1,
        "url": "https://one.example",
        "options": [
            {"name": "rate", "type": "number", "default": "0.5", "help": "how fast it learns"},
            {"name": "lambda", "type": "whole number", "default": "3", "help": ""},
        ],
    }
    assert json.loads(capsys.readouterr().out) == {"menders": [expected]}
    show_plugin(Output(json_mode=True), LISTING, "one")
    assert json.loads(capsys.readouterr().out) == expected


def test_where_nothing_is_installed_a_line_says_where_it_comes_from(installed, capsys):
    installed()
    list_plugins(Output(), LISTING)
    assert capsys.readouterr().out == "No menders: they come with plug-ins.\n"
    list_plugins(Output(json_mode=True), LISTING)
    assert json.loads(capsys.readouterr().out) == {"menders": []}


@pytest.mark.parametrize("json_mode", [False, True])
def test_a_plug_in_that_could_not_be_loaded_is_a_warning_beside_the_others(
    installed, capsys, json_mode
):
    installed(repairer("one"), failures=(BROKEN,))
    list_plugins(Output(json_mode=json_mode), LISTING)
    out, err = capsys.readouterr()
    assert err == f"Warning: plug-in not loaded: {BROKEN}\n"
    assert "from-one" in out and "broken" not in out


def test_one_plug_in_is_shown_with_its_origin_traits_and_options(installed, capsys):
    installed(repairer("one", options=Options, url="https://one.example"), repairer("two"))
    show_plugin(Output(), LISTING, "one")
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [
        "one: what one does",
        "from from-one 1.0, https://one.example",
        "traits of one",
    ]
    (row,) = (line for line in lines if "rate" in line)
    cells = [cell.strip() for cell in row.strip("│").split("│")]
    assert cells == ["rate", "number", "0.5", "how fast it learns"]
    show_plugin(Output(), LISTING, "two")
    assert capsys.readouterr().out.splitlines() == [
        "two: what two does",
        "from from-two 2.0",
        "traits of two",
        "no options",
    ]


def test_a_name_that_no_plug_in_offers_prints_nothing(installed, capsys):
    installed(repairer("one"))
    with pytest.raises(UsageError, match="no repairer named 'oen'"):
        show_plugin(Output(), LISTING, "oen")
    assert capsys.readouterr().out == ""
