"""Which example sets a run reads: those that its plug-ins and its measures need, and no others."""

from __future__ import annotations

import pytest

from modelrepair import UsageError
from modelrepair.errors import PluginError
from modelrepair.plugin.registry import load_registry, make_repairer


@pytest.mark.usefixtures("own_repairers")
def test_what_a_repairer_lacks_is_said_before_anything_is_computed(edit):
    with pytest.raises(UsageError, match="repairer 'back' needs a reference"):
        edit(reference="none")
    with pytest.raises(UsageError, match="no repairer named 'bakc'"):
        edit(repairer="bakc")
    with pytest.raises(UsageError, match="'x'"):
        edit(repairer_options={"x": 1})
    with pytest.raises(PluginError, match="type has no 'needs'"):
        make_repairer(load_registry().repairer("empty"), {})
