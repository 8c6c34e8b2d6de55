"""What a repair did and what was measured: a few lines, the table that counts at the end."""

from __future__ import annotations

from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table

from modelrepair.cli.summary import MOST_LINES, few, show_report
from tests.support.last_lines import assert_few, ends_fixture  # noqa: F401


def test_an_undecided_repair(ends):
    done = ends(warnings=["only 40 examples", *"abcdef"])
    assert_few(done.last)
    assert done.last[0] == (
        "Undecided: too few examples (harmful answers went from 90 to 90 of 100)."
    )
    assert "Written to out folder" in done.last
    assert done.last[2:] == [
        "Next: name the aligned one:",
        '  modelrepair fix user/model --reference ORG/MODEL --out "out folder-2"',
        "Check:",
        '  modelrepair verify "out folder" --source user/model --reference org/aligned',
    ]
    above = "\n".join(done.above)
    assert "Gate: harmful_score: too few" in above
    assert "Masked 1.0000% of the difference from org/aligned, chosen by wanda" in above
    assert "Warning: only 40 examples" in above
    assert "and 3 more; --json shows all" in above
    assert "harmful score" in above


def test_a_passed_repair_is_to_be_pushed(ends):
    done = ends(verdict="passed", next=[], gate=None)
    assert_few(done.last)
    assert done.last[0] == (
        "Passed: harmful answers went from 90 to 90 of 100, benign answers stayed good."
    )
    assert 'Next: modelrepair push "out folder"' in done.last


@pytest.fixture
def document(api):
    return deepcopy(api.answers["repair"].to_json())


def lines(shown) -> list[str]:
    """What people read of it, a word apart."""
    console = Console(width=100)
    with console.capture() as captured:
        console.print(*shown, sep="\n")
    return [" ".join(line.split()) for line in captured.get().splitlines()]


@given(st.lists(st.text(min_size=1)))
def test_few_are_the_first_and_the_number_of_the_others(given):
    shown = few(given)
    assert shown[:MOST_LINES] == given[:MOST_LINES]
    more = max(0, len(given) - MOST_LINES)
    assert shown[MOST_LINES:] == ([f"and {more} more; --json shows all"] if more else [])


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({}, "difference from org/aligned"),
        ({"reference": None}, "difference"),
        ({"subject": "weight", "reference": None}, "weights"),
        ({"subject": "factor"}, "adapter's factors"),
    ],
)
def test_a_mask_is_named_with_what_it_masks(document, facts, said):
    document["manifest"] |= facts
    assert show_report(document)[0] == (
        f"Masked 1.0000% of the {said}, chosen by wanda (modelrepair 1), scope row; coverage 99.8%"
    )


def test_an_edit_is_named_with_its_repairer_and_strength(document):
    repairer = {"name": "realign", "distribution": "lab", "version": "2", "strength": 60.0}
    document["manifest"] |= {"repairer": repairer, "scorer": None}
    assert show_report(document)[0] == (
        "Changed 1.0000% of the weights, by realign (lab 2) at 60; coverage 99.8%"
    )


def test_reasons_come_before_warnings_and_each_are_few(document):
    document["gate"]["reasons"] = [f"r{i}" for i in range(6)]
    document["warnings"] = [f"w{i}" for i in range(5)]
    said = [line for line in show_report(document)[1:] if isinstance(line, str)]
    assert said == [
        *(f"Gate: r{i}" for i in range(4)),
        "and 2 more; --json shows all",
        *(f"Warning: w{i}" for i in range(4)),
        "and 1 more; --json shows all",
    ]


def test_the_table_that_counts_comes_last(document):
    """Measures under another chat template come before it, and say under which."""
    measures = document["measures"]
    worse = measures["after"] | {"harmful_score": {"value": 0.123, "n": 9, "low": 0, "high": 1}}
    document["manifest"]["templates"] = [{"id": "org/other", "measures": {"after": worse}}]
    *_, under, last = shown = show_report(document)
    assert all(isinstance(each, Table) for each in (under, last))
    said = lines(shown)
    assert "judge: keyword; under the chat template of org/other" in said
    before, after = "\n".join(lines([under])), "\n".join(lines([last]))
    assert "0.123 n=9" in before and "0.123" not in after
    assert "0.900 n=100" in after and "org/other" not in after


def test_nothing_measured_and_nothing_written_shows_nothing(document):
    document |= {"manifest": None, "gate": None, "measures": {}, "warnings": []}
    assert show_report(document) == []
