"""A duration as it is typed: ``90``, ``30m``, ``2h``."""

from __future__ import annotations

import pytest

from modelrepair import UsageError
from modelrepair.settings.checks import check
from modelrepair.settings.duration import seconds_of
from modelrepair.settings.settings import Settings


@pytest.mark.parametrize("text", ["", "0", "0m", "-5", "soon", "3 days", "1m2h", "inf", "nan", "m"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(UsageError, match="is no span of time"):
        seconds_of(text)
    with pytest.raises(UsageError, match="is no span of time"):
        check(Settings("m", max_time=text))
