"""The numbers of the gate, each with what it means."""

from __future__ import annotations

from dataclasses import fields

from modelrepair.budgets import Budgets


def test_every_number_has_its_help():
    assert all(field.metadata["help"] for field in fields(Budgets))
