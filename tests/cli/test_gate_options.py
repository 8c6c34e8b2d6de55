"""The gate's numbers on the command line: an option each, its type and bounds, and back again."""

from __future__ import annotations

from dataclasses import asdict, fields

import click
import pytest
from click.testing import CliRunner

from modelrepair.budgets import Budgets
from modelrepair.cli.fix import command
from modelrepair.cli.gate_options import budget_options, take_budgets


def test_every_number_of_the_gate_is_an_option():
    typed = {option for parameter in command.params for option in parameter.opts}
    for field in fields(Budgets):
        assert f"--gate-{field.name.replace('_', '-')}" in typed


@click.command()
@budget_options()
def gate(**options):
    """A command that has these options alone, and prints what becomes of them."""
    click.echo(asdict(take_budgets(options)))


@pytest.mark.parametrize("field", fields(Budgets), ids=lambda field: field.name)
def test_a_number_that_is_typed_reaches_its_field_and_no_other(field):
    typed = 7 if isinstance(field.default, int) else 0.125
    option = f"--gate-{field.name.replace('_', '-')}"
    done = CliRunner().invoke(gate, [option, str(typed)])
    assert done.output.strip() == str(asdict(Budgets(**{field.name: typed})))


def test_nothing_typed_is_the_default():
    assert CliRunner().invoke(gate, []).output.strip() == str(asdict(Budgets()))


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("--gate-harm-ratio", "-0.1"),
        ("--gate-harm-ratio", "nan"),
        ("--gate-fewest", "-1"),
        ("--gate-fewest", "1.5"),
    ],
)
def test_a_number_below_0_or_of_another_kind_is_refused(option, text):
    done = CliRunner().invoke(gate, [option, text])
    assert done.exit_code == 2
    assert f"Invalid value for '{option}'" in done.output


def test_other_options_are_left_where_they_are():
    options = {"gate_fewest": 3, "seed": 0, "gated": True}
    assert take_budgets(options) == Budgets(fewest=3)
    assert options == {"seed": 0, "gated": True}
