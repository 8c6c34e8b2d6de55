"""An example, and a set of them: what they are, and the digest that is their identity."""

from __future__ import annotations

from dataclasses import asdict, fields, replace

from modelrepair.examples.load import Example, Message


def test_a_kind_is_part_of_its_example():
    plain, kind = (Example((Message("user", "a"),), "b", kind=each) for each in (None, "how-to"))
    assert plain.digest != kind.digest and plain.key == kind.key


def test_what_was_computed_of_an_example_goes_into_no_other():
    one = Example((Message("user", "How?"),), "So.")
    seen = one.key, one.digest
    other = replace(one, messages=(Message("user", "Why?"),))
    assert (other.key, other.digest) != seen
    assert one == Example((Message("user", "How?"),), "So.")
    assert asdict(one).keys() == {each.name for each in fields(Example)}
