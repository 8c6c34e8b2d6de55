"""The options of the example sets: which commands have which, and what they default to."""

from __future__ import annotations

import click
import pytest

from modelrepair.cli.set_options import SETS, set_options
from modelrepair.settings.settings import DEFAULT_SETS


def declared(**choices):
    command = click.command("mine")(set_options(**choices)(lambda **options: options))
    return {each.name: each for each in command.params}


@pytest.mark.parametrize("tests", [False, True])
def test_each_set_has_its_rows_and_those_of_a_report_where_one_is_made(tests):
    wanted = {f"{name}{part}" for name in SETS for part in ("", "_filter", "_columns", "_limit")}
    if tests:
        wanted |= {f"test_{name}" for name in SETS}
    assert declared(tests=tests, defaults=False).keys() == wanted


@pytest.mark.parametrize("defaults", [False, True])
def test_a_set_that_is_not_named_is_the_default_or_none_at_all(defaults):
    found = declared(tests=True, defaults=defaults)
    taken = {name: found[name].default for name in SETS if found[name].default is not None}
    assert taken == (dict(DEFAULT_SETS) if defaults else {})
