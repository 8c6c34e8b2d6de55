"""How much of a model a repair reaches, by the names of its tensors: the share, and the globs."""

from __future__ import annotations

import pytest

from modelrepair.engine.sites import find_sites, narrow
from modelrepair.errors import UsageError
from tests.support.opened_models import open_tiny


def test_globs_choose_and_exclude_on_names_as_in_the_file(tmp_path):
    one = open_tiny("llama", tmp_path / "model")
    sites = find_sites(one.skeleton, list(one.checkpoint.entries))
    some = narrow(sites, ["*.self_attn.*", "*.down_proj.weight"], ["model.layers.0.*"])
    assert len(some.chosen) == 2 * 5
    assert some.skipped["model.layers.0.self_attn.q_proj.weight"] == "excluded"
    assert some.skipped["model.layers.1.mlp.up_proj.weight"] == "not among --targets"
    assert some.coverage == sites.coverage
    assert [s.name for s in some.chosen] == [
        s.name for s in sites.chosen if s.name not in some.skipped
    ]
    assert narrow(sites, [], []).chosen == sites.chosen
    for targets, exclude in ((["*.qkv.*"], []), ([], ["q_proj"])):
        with pytest.raises(UsageError, match="matches no matrix"):
            narrow(sites, targets, exclude)
    with pytest.raises(UsageError, match="leave no matrix"):
        narrow(sites, [], ["*"])
