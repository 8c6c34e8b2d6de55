"""The numbers of the gate, each with what it means."""

from __future__ import annotations

from dataclasses import fields

from modelrepair.budgets import Budgets
from modelrepair.cli.fix import command


def test_every_number_has_its_help():
    assert all(field.metadata["help"] for field in fields(Budgets))


def test_every_number_of_the_gate_is_an_option():
    typed = {option for parameter in command.params for option in parameter.opts}
    for field in fields(Budgets):
        assert f"--gate-{field.name.replace('_', '-')}" in typed
