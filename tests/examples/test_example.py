"""An example, and a set of them: what they are, and the digest that is their identity."""

from __future__ import annotations

from modelrepair.examples.load import Example, Message


def test_a_kind_is_part_of_its_example():
    plain, kind = (Example((Message("user", "a"),), "b", kind=each) for each in (None, "how-to"))
    assert plain.digest != kind.digest and plain.key == kind.key
