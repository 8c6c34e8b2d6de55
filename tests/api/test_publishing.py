"""The public functions that publish take texts and paths, and refuse what is no repair."""

from __future__ import annotations

import pytest

import modelrepair
from modelrepair import UsageError
from tests.support.small_repairs import make_repair


def test_a_statement_goes_where_a_text_or_a_path_says(tmp_path):
    made = make_repair(tmp_path)
    beside = modelrepair.attest(str(made.out))
    elsewhere = modelrepair.attest(made.out, out=str(tmp_path / "statement.json"))
    assert elsewhere.out == tmp_path / "statement.json"
    assert beside.out.read_bytes() == elsewhere.out.read_bytes()
    found = modelrepair.verify(made.out, source=made.source, attestation=elsewhere.out)
    assert found.ok


def test_what_is_no_repair_is_not_pushed(tmp_path):
    with pytest.raises(UsageError):
        modelrepair.push(tmp_path / "missing")
