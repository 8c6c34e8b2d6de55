"""What ends an answer, and what is banned or forced."""

from __future__ import annotations

import pytest

from modelrepair.auditing.structure.generation import CHECKS
from tests.support.auditing import ask, document, model, write

STOPS, FORCED, SAMPLING = CHECKS
NAME = "generation_config.json"
TOKENIZER = document({"model": {"vocab": {"Sorry": 5, "sun": 6}}})


def asked(check, tmp_path, own, its=None):
    files = [{} if each is None else {NAME: document(each)} for each in (own, its)]
    target = write(tmp_path / "m", model(**files[0], **{"tokenizer.json": TOKENIZER}))
    return ask(check, target, write(tmp_path / "b", model(**files[1])))


@pytest.mark.parametrize(
    ("own", "its", "outcome"),
    [
        ({"eos_token_id": 2}, {"eos_token_id": [2]}, "clear"),
        ({"eos_token_id": [2, 7]}, {"eos_token_id": 2}, "clear"),
        ({"eos_token_id": 7}, {"eos_token_id": [2, 7]}, "found"),
        (None, {"eos_token_id": [2, 7]}, "found"),
        (None, None, "clear"),
    ],
)
def test_a_lost_end_is_found(tmp_path, own, its, outcome):
    assert asked(STOPS, tmp_path, own, its).outcome == outcome


def test_without_an_end_in_the_base_nothing_is_known(tmp_path):
    base = write(tmp_path / "b", model(**{"config.json": b"{}"}))
    assert ask(STOPS, write(tmp_path / "m", model()), base).outcome == "inconclusive"


@pytest.mark.parametrize(
    ("own", "severity"),
    [
        ({"suppress_tokens": [6]}, "warning"),
        ({"suppress_tokens": [5]}, "error"),
        ({"bad_words_ids": [[1], [5, 6]]}, "error"),
        ({"sequence_bias": [[[5], -10.0]]}, "error"),
        ({"sequence_bias": {"(5,)": -10.0}}, "error"),
        ({"forced_decoder_ids": [[1, 6]]}, "warning"),
        ({"suppress_tokens": []}, None),
        ({"suppress_tokens": None, "temperature": 1}, None),
    ],
)
def test_banned_and_forced_tokens_are_found(tmp_path, own, severity):
    finding = asked(FORCED, tmp_path, own)
    assert finding.outcome == ("clear" if severity is None else "found")
    assert severity in (None, finding.severity), finding
    if severity == "error":
        assert finding.evidence["refusal_words"] == ["Sorry"]
    assert asked(FORCED, tmp_path / "same", own, own).outcome == "clear"


def test_what_is_banned_in_a_config_that_can_not_be_read_is_inconclusive(tmp_path):
    folder = write(tmp_path / "m", model(**{NAME: b"["}))
    assert [ask(check, folder, folder).outcome for check in CHECKS] == ["inconclusive"] * 3


def test_other_sampling_is_a_note(tmp_path):
    own = {"temperature": 0.7, "transformers_version": "5"}
    found = asked(SAMPLING, tmp_path, own, {"temperature": 1.0, "transformers_version": "4"})
    assert found.evidence["changed"] == {"temperature": ["1.0", "0.7"]}
    assert found.severity == "note"
    assert asked(SAMPLING, tmp_path / "x", own, own).outcome == "clear"
    assert asked(SAMPLING, tmp_path / "y", None, own).outcome == "found"
