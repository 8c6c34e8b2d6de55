"""What masked entries must hold: computed from the reference, or taken from the stored values."""

from __future__ import annotations

import pytest

from modelrepair.checkpoint.values import VALUES_NAME
from modelrepair.errors import GateError
from modelrepair.verification.rebuild import apply
from tests.support.small_repairs import make_repair


def test_stored_values_stand_in_for_the_reference(tmp_path):
    made = make_repair(tmp_path / "repair", subject="delta", scale=0.75, store_values=True)
    rebuilt = apply(made.out, made.source, out=tmp_path / "out")
    expected = (made.out / "model.safetensors").read_bytes()
    assert (rebuilt / "model.safetensors").read_bytes() == expected
    values = made.out / VALUES_NAME
    content = values.read_bytes()
    values.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(GateError, match="did not come out"):
        apply(made.out, made.source, out=tmp_path / "other")
