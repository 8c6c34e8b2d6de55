"""Norms and digests of tensors, also of values that are not finite."""

from __future__ import annotations

import hashlib
import math

from modelrepair.checkpoint import norms as edit
from modelrepair.checkpoint.reader import Checkpoint
from tests.support.small_repairs import SITES, make_checkpoint


def test_norms_that_are_not_finite():
    assert edit.share_of_norm(1.0, 0.0) is None
    assert edit.share_of_norm(math.nan, 1.0) is None


def test_tensor_digest(tmp_path):
    source = Checkpoint.open(make_checkpoint(tmp_path / "source"))
    expected = hashlib.sha256(source.raw(SITES[1]).tobytes()).hexdigest()
    assert edit.tensor_digest(source, SITES[1]) == expected
