"""The arguments of the public functions: declared once, and all of them reach the settings."""

from __future__ import annotations

from dataclasses import fields

import pytest

import modelrepair
from modelrepair.errors import UsageError
from modelrepair.pipeline.arguments import (
    MeasureArguments,
    RepairArguments,
    pushing_of,
    settings_of,
)
from modelrepair.publishing.options import PushOptions
from modelrepair.settings.settings import Settings


def names(record):
    return {each.name for each in fields(record)}


def test_every_setting_and_every_option_of_a_push_is_an_argument():
    assert names(Settings) | names(PushOptions) <= names(RepairArguments)
    judge = {"judge_endpoint", "judge_endpoint_model"}
    beside = {"out", "restart", "push", "progress", "reported", *judge}
    assert names(RepairArguments) == names(Settings) | names(PushOptions) | beside
    assert names(MeasureArguments) - names(Settings) == {
        *("model", "template", "progress", "save"),
        *("endpoint", "endpoint_model", "endpoint_at_once"),
        *judge,
    }


def test_arguments_that_are_not_given_are_the_settings_of_themselves():
    assert settings_of(RepairArguments("user/model")) == Settings("user/model")


@pytest.mark.parametrize("function", [modelrepair.repair, modelrepair.plan, modelrepair.measure])
def test_what_is_no_argument_is_refused_in_the_name_of_the_function(function):
    with pytest.raises(TypeError, match=rf"^{function.__name__}\(\) .*unheard_of"):
        function("user/model", unheard_of=1)
    with pytest.raises(TypeError, match=rf"^{function.__name__}\(\) missing"):
        function()


def test_an_option_of_a_push_needs_a_push():
    assert pushing_of(RepairArguments("user/model")) is None
    asked = RepairArguments("user/model", push=True, to="me/mine", delete="*.gguf")
    assert pushing_of(asked) == PushOptions(to="me/mine", delete=("*.gguf",))
    with pytest.raises(UsageError, match="--pr without --push"):
        pushing_of(RepairArguments("user/model", pr=True, in_place=True))
