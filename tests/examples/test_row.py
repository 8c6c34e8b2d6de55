"""A row that can't be read is named by its place."""

from __future__ import annotations

import pytest

from modelrepair.errors import ExampleSetError
from modelrepair.examples.row import FORM, Row, kind_of


def test_a_complaint_names_the_place_and_what_a_set_holds():
    with pytest.raises(ExampleSetError, match=r"^harmful\.jsonl, line 3: no prompt") as error:
        Row("harmful.jsonl, line 3", {"text": "secret"}).fail("no prompt")
    assert error.value.hint == f"a set holds {FORM}"
    assert error.value.id == "set-malformed"


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (True, "true or false"),
        (1, "a number"),
        (1.5, "a number"),
        ([], "an empty list"),
        (["x"], "a list"),
        ({}, "an object"),
    ],
)
def test_values_are_called_as_in_json(value, name):
    assert kind_of(value) == name
