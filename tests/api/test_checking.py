"""The public functions that look at what others publish."""

from __future__ import annotations

import pytest

import modelrepair
from modelrepair import Measuring, UsageError
from modelrepair import demo_paths as paths
from tests.support.small_repairs import make_repair


def test_an_audit_is_the_same_under_the_same_seed():
    first, again = (
        modelrepair.audit(paths.attacked, base=paths.reference, seed=1) for _ in range(2)
    )
    assert first.to_json() == again.to_json()
    assert (first.seed, first.base.named_by) == (1, "--base")


def test_a_list_gives_a_model_that_is_not_there_and_refuses_a_base_that_is_not(tmp_path):
    names = [str(paths.attacked), "./missing"]
    found = {audit.name: audit.error for audit in modelrepair.audits(names, base="none")}
    assert [error is None for _, error in sorted(found.items())] == [False, True]
    with pytest.raises(UsageError, match="no folder"):
        list(modelrepair.audits(names, base=tmp_path / "missing"))


def test_one_server_answers_for_one_model():
    measuring = Measuring(endpoint="http://127.0.0.1:9/v1", endpoint_model="m")
    with pytest.raises(UsageError, match="answers for one model"):
        list(modelrepair.audits(["user/one"], measure=measuring))


def test_a_key_without_a_statement_is_refused(tmp_path):
    made = make_repair(tmp_path)
    with pytest.raises(UsageError, match="no attestation"):
        modelrepair.verify(made.out, source=made.source, public_key=tmp_path / "public.pem")
