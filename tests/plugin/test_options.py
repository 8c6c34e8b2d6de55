"""Options are read from text by the types of a frozen dataclass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pytest

from modelrepair.errors import UsageError
from modelrepair.plugin.options import describe_options, parse_options
from modelrepair.scorers.options import ContrastOptions


@dataclass(frozen=True)
class Everything:
    needed: int
    share: float = 0.5
    title: str = "x"
    loud: bool = False
    size: Literal[1, 2] = 1
    top: int | None = None

    def __post_init__(self) -> None:
        if self.share > 1:
            raise ValueError("share is above 1")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"needed": "3"}, Everything(3)),
        ({"needed": 3, "share": "1e-3"}, Everything(3, share=0.001)),
        ({"needed": "3", "share": 1}, Everything(3, share=1.0)),
        ({"needed": "3", "loud": "Yes", "title": ""}, Everything(3, loud=True, title="")),
        ({"needed": "3", "loud": False}, Everything(3)),
        ({"needed": "3", "size": "2"}, Everything(3, size=2)),
        ({"needed": "3", "top": "5"}, Everything(3, top=5)),
        ({"needed": "3", "top": "none"}, Everything(3)),
    ],
)
def test_values_fit_their_types(given, expected):
    parsed = parse_options(Everything, given, "mine")
    assert parsed == expected
    assert isinstance(parsed.share, float)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"needed": "3.5"}, "whole number"),
        ({"needed": 3.5}, "whole number"),
        ({"needed": True}, "whole number"),
        ({"needed": "3", "share": "much"}, "number"),
        ({"needed": "3", "share": "nan"}, "number"),
        ({"needed": "3", "loud": "maybe"}, r"true\|false"),
        ({"needed": "3", "loud": 1}, r"true\|false"),
        ({"needed": "3", "size": "3"}, r"1\|2"),
        ({"needed": "3", "title": 5}, "text"),
        ({"needed": "3", "top": "many"}, r"whole number\|none"),
        ({"needed": "3", "share": "2"}, "share is above 1"),
        ({}, "needs the option 'needed'"),
        ({"needed": "3", "shade": "1"}, "has no option 'shade'"),
    ],
)
def test_what_does_not_fit_is_a_usage_error_that_names_the_known_ones(given, expected):
    with pytest.raises(UsageError, match=expected) as caught:
        parse_options(Everything, given, "mine")
    if given:
        assert "mine knows: needed, share" in caught.value.hint


def test_a_plug_in_without_options_says_so():
    assert parse_options(None, {}, "magnitude") is None
    with pytest.raises(UsageError) as caught:
        parse_options(None, {"norm": "rms"}, "magnitude")
    assert caught.value.hint == "magnitude has no options"


def test_options_are_described_as_they_are_typed():
    described = {option.name: option for option in describe_options(ContrastOptions)}
    assert list(described) == ["mu", "lambda", "benign", "tokens", "eta"]
    assert (described["eta"].type, described["eta"].default) == ("number", "0.0")
    assert all(option.help for option in described.values())
    assert describe_options(None) == []
    assert describe_options(Everything)[0].default == "(required)"
