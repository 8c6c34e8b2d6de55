"""What a setting takes, read from its declaration: check and command line agree on it."""

from __future__ import annotations

import math
from dataclasses import replace

import click
import numpy as np
import pytest

from modelrepair.cli.fix import command
from modelrepair.errors import UsageError
from modelrepair.settings.checks import check_choices
from modelrepair.settings.declared import choices_of, declared, default_of, fits, range_of
from modelrepair.settings.settings import Settings

OPTIONS = {parameter.name: parameter for parameter in command.params}
RANGED = [name for name in declared() if range_of(name) is not None]
WORDED = [name for name in declared() if choices_of(name)]
BOUNDARIES = (-1, 0, 1, 2, 3, 0.0, 0.5, 1.0, math.nan, math.inf)


def test_every_range_and_every_list_of_words_is_found():
    assert {"examples", "max_length", "utility_limit", "max_rounds", "scale", "step"} < {*RANGED}
    assert WORDED == ["subject", "preset", "scope", "unit", "arithmetic"]


@pytest.mark.parametrize("name", RANGED)
@pytest.mark.parametrize("value", BOUNDARIES)
def test_the_command_line_takes_the_numbers_that_python_takes(name, value):
    option = OPTIONS[name]
    try:
        read = option.type.convert(str(value), option, None)
    except click.BadParameter:
        assert not fits(name, value)
    else:
        assert fits(name, read)


@pytest.mark.parametrize("name", WORDED)
def test_the_command_line_takes_the_words_that_python_takes(name):
    assert tuple(OPTIONS[name].type.choices) == choices_of(name)
    assert all(fits(name, word) for word in choices_of(name))
    assert not fits(name, "another")


@pytest.mark.parametrize("name", [*RANGED, *WORDED])
def test_the_command_line_has_the_defaults_of_python(name):
    read = command.make_context("fix", ["user/model"]).params
    assert read[name] == default_of(name)


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("max_length", "2", "a whole number, 2 or more"),
        ("examples", 256.0, "a whole number, 1 or more"),
        ("scope", "layer", "it is one of None, 'row', 'tensor', 'global'"),
        ("subject", None, "it is one of 'auto', 'factor', 'delta', 'weight'"),
    ],
)
def test_the_hint_says_what_is_expected(name, value, hint):
    with pytest.raises(UsageError, match=f"^{name} is {value!r}") as caught:
        check_choices(replace(Settings("user/model"), **{name: value}))
    assert caught.value.hint == hint


def test_a_number_of_numpy_is_a_number():
    assert fits("scale", np.float64(0.5))
    assert fits("ratio", np.float64(0.5))
