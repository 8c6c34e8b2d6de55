"""Names as files: each its own, or an error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelrepair import UsageError
from modelrepair_lab.slugs import slug, slugs


@given(st.sets(st.text(max_size=6), max_size=6))
def test_no_two_names_share_a_file(names):
    files = {slug(name) for name in names}
    if len(files) == len(names) and "" not in files:
        assert slugs(names) == {name: slug(name) for name in names}
        return
    with pytest.raises(UsageError):
        slugs(names)


def test_the_error_names_what_it_is_of():
    with pytest.raises(UsageError, match="two sets have one name as files: 'a b' and 'A-b'") as it:
        slugs(["a b", "A-b"], "sets", "do this")
    assert it.value.hint == "do this"
