"""The tests of this package are quick as those of modelrepair are."""

from __future__ import annotations

from tests.support.quick_runs import no_own_kinds, one_thread  # noqa: F401
