"""The options of an endpoint are those of its description, with the same defaults."""

from __future__ import annotations

from dataclasses import fields

import click
import pytest

from modelrepair.cli.endpoint_options import endpoint_options
from modelrepair.cli.options import command
from modelrepair.evaluation.endpoint import Endpoint


@pytest.fixture
def declared():
    @command("try")
    @endpoint_options()
    def given(output, **options):
        return options

    return {each.name: each for each in given.params if each.name.startswith("endpoint")}


def test_they_are_under_one_heading(declared):
    assert set(declared) == {"endpoint", "endpoint_model", "endpoint_at_once"}
    assert {each.section for each in declared.values()} == {"Endpoint"}


def test_as_many_requests_are_under_way_as_an_endpoint_takes_by_default(declared):
    (known,) = [each for each in fields(Endpoint) if each.name == "at_once"]
    at_once = declared["endpoint_at_once"]
    assert at_once.get_default(click.Context(click.Command("try"))) == known.default
    with pytest.raises(click.BadParameter, match="1<=x<=256"):
        at_once.type.convert("0", at_once, None)
