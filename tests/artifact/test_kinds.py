"""Kinds of benign prompts on the card: a line each, and what the gate says of it."""

from __future__ import annotations

import pytest

from modelrepair.artifact.kinds import kind_rows
from tests.support.repairs_with_kinds import untouched_fixture  # noqa: F401
from tests.support.small_repairs import WITH_KINDS, Made, draft


def test_the_card_has_a_line_for_each_kind(untouched):
    card = (untouched.out / "README.md").read_text()
    assert "| how-to | plain | 60 | 1.67 % → 3.33 % | 0 % → 0 % | holds |" in card
    assert "| write | plain | 12 | 0 % | 100 % | left out |" in card
    assert "(kind how-to)" not in card and "No kinds of benign" not in card
    assert "No kinds of benign prompts were asked" in card_without_kinds(untouched)


def card_without_kinds(made: Made) -> str:
    from modelrepair.artifact.card import CardPlace, our_block

    return our_block(made.manifest.model_copy(update={"kinds": {}}), CardPlace())


def rows_by_name(manifest, rules=()):
    return {row.pop("name"): row for row in kind_rows(manifest, rules)}


def test_a_line_holds_what_the_manifest_says_before_and_after():
    rows = rows_by_name(draft(measured=WITH_KINDS))
    assert list(rows) == ["how-to", "write", "explain"]
    assert rows["how-to"] == {
        "set": "plain",
        "n": "60",
        "refused": "1.67 % → 3.33 %",
        "broken": "0 % → 0 %",
        "says": "–",
    }
    assert (rows["write"]["refused"], rows["write"]["broken"]) == ("0 %", "100 %"), "asked once"


def test_the_gate_says_each_thing_of_a_kind_once_and_nothing_of_one_left_out():
    rules = [
        {"kind": kind, "says": says}
        for kind in ("how-to", "write")
        for says in ("holds", "holds", "n too small")
    ]
    of_no_kind = [{"kind": None, "says": "fails"}, {"says": "fails"}]
    rows = rows_by_name(draft(measured=WITH_KINDS), [*of_no_kind, *rules])
    assert {name: row["says"] for name, row in rows.items()} == {
        "how-to": "holds; n too small",
        "write": "left out",
        "explain": "–",
    }


@pytest.mark.parametrize("kept", [("before",), ("after",), ()])
def test_a_model_that_was_not_measured_has_no_share(kept):
    manifest = draft(measured=WITH_KINDS)
    measures = {role: manifest.measures[role] for role in kept}
    row = rows_by_name(manifest.model_copy(update={"measures": measures}))["how-to"]
    assert row["refused"] == {"before": "1.67 %", "after": "3.33 %", "": "–"}["".join(kept)]
    assert row["n"] == "60"


def test_without_kinds_there_is_no_line():
    assert kind_rows(draft(), [{"kind": "how-to", "says": "holds"}]) == []
