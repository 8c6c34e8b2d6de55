"""The card's licence, alone and against the base's."""

from __future__ import annotations

import pytest

from modelrepair.auditing.metadata.licence import CHECKS
from tests.support.auditing import ask, card, model, write

MISSING, WIDER = CHECKS


def wider(tmp_path, own, its):
    target = write(tmp_path / "m", model(**{"README.md": card(**own)}))
    return ask(WIDER, target, write(tmp_path / "base", model(**{"README.md": card(**its)})))


def test_a_card_without_a_licence_is_found(tmp_path):
    assert ask(MISSING, write(tmp_path / "a", model())).outcome == "clear"
    none = write(tmp_path / "b", model(**{"README.md": card(language="en")}))
    assert ask(MISSING, none).outcome == "found" and ask(MISSING, none).severity == "warning"
    assert ask(MISSING, write(tmp_path / "c", model(**{"README.md": None}))).outcome == "found"
    beside = write(tmp_path / "d", model(**{"README.md": card(a=1), "LICENSE": b"MIT"}))
    assert ask(MISSING, beside).severity == "note"


@pytest.mark.parametrize(
    ("own", "its", "outcome"),
    [
        ("mit", "mit", "clear"),
        ("llama3.1", "llama3.1", "clear"),
        ("mit", "apache-2.0", "clear"),
        ("cc-by-nc-4.0", "mit", "clear"),
        ("mit", "llama3.1", "found"),
        ("apache-2.0", "gemma", "found"),
        ("apache-2.0", "cc-by-nc-4.0", "found"),
        ("mit", "gpl-3.0", "found"),
        ("apache-2.0", "cc-by-nd-4.0", "found"),
        ("other", "cc-by-nc-4.0", "inconclusive"),
        ("mit", "other", "inconclusive"),
    ],
)
def test_a_licence_that_drops_what_the_base_asks_is_found(tmp_path, own, its, outcome):
    finding = wider(tmp_path, {"license": own}, {"license": its})
    assert finding.outcome == outcome, finding.message
    if outcome == "found":
        assert finding.evidence["dropped"]


def test_without_one_of_the_two_it_is_inconclusive(tmp_path):
    assert wider(tmp_path, {"license": "mit"}, {}).outcome == "inconclusive"
    assert wider(tmp_path, {}, {"license": "llama3.1"}).outcome == "inconclusive"
    assert ask(WIDER, tmp_path / "m").outcome == "inconclusive", "no base"
