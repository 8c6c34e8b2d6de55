"""Which set a user means: a registered name, a file or folder, or a data set on the Hub."""

from __future__ import annotations

import pytest

from modelrepair.errors import UsageError
from modelrepair.examples import registered as builtin_sets
from modelrepair.examples.find import find_set, set_name
from modelrepair.examples.load import SetReading


def test_our_own_sets_are_there_and_need_no_network():
    for spec in builtin_sets.EXAMPLE_SETS:
        if not isinstance(spec.source, str):
            (role, *_) = spec.roles
            found, _ = find_set(spec.name, role, SetReading())
            assert (found.id, found.commit, found.licence) == (spec.name, None, "apache-2.0")
            assert len(found.examples) >= 200


@pytest.mark.parametrize("text", ["", " ", "self:"])
def test_a_set_without_a_name_is_not_the_working_folder(text):
    with pytest.raises(UsageError, match="the name of an example set is empty"):
        set_name(text)
