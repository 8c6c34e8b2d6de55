"""Which names a plug-in may have."""

from __future__ import annotations

import pytest

from modelrepair.plugin import loading
from modelrepair.plugin.specs import ScorerSpec


@pytest.mark.parametrize("name", ["Mine", "mi ne", "mïne", "-mine", "mine\u202e", "mine\n", ""])
def test_a_name_of_other_letters_is_refused(name):
    spec = ScorerSpec(name, "x", load="x:y", sets=lambda options, kind: {})
    (problem, given), = loading._checked([spec], ScorerSpec)  # fmt: skip
    assert given is spec
    assert "names are a-z" in problem
    assert "\u202e" not in problem
