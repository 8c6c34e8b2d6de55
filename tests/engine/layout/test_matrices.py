"""The matrices that one parameter holds, and where in the file each of them lies."""

from __future__ import annotations

import pytest

from modelrepair.engine.sites import find_sites
from tests.support import tiny
from tests.support.opened_models import open_tiny


@pytest.mark.parametrize("kind", list(tiny.DENSE))
def test_every_matrix_of_every_block_is_a_site(kind, tmp_path):
    one = open_tiny(kind, tmp_path / "model")
    sites = find_sites(one.skeleton, list(one.checkpoint.entries))
    expected = {
        name
        for name, parameter in one.plain.named_parameters()
        if name.startswith(one.skeleton.prefix) and parameter.dim() == 2
    }
    assert {site.name for site in sites.chosen} == expected
    assert (sites.coverage, sites.skipped) == (1.0, {})
    parameters = dict(one.plain.named_parameters())
    assert all(site.info.shape == tuple(parameters[site.name].shape) for site in sites.chosen)
    assert sites.entries == sum(parameters[name].numel() for name in expected)
    assert sum(len(sites.of_block(block)) for block in range(3)) == len(expected)
