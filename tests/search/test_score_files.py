"""The files of a round: one a block, and what is missing or damaged of them is noticed."""

from __future__ import annotations

import numpy as np
import pytest

from modelrepair.engine.layout.places import whole
from modelrepair.engine.sites import Site, Sites
from modelrepair.plugin.scorer import SiteInfo
from modelrepair.search.score_files import SiteFacts, all_whole, read_facts, spilled, write_block

SITES = Sites(
    tuple(
        Site(SiteInfo(name, "linear", block, (2, 3)), name, whole(name, (2, 3)))
        for block, name in ((0, "a"), (0, "b"), (3, "c"))
    ),
    {},
    1.0,
)
SCORES = {name: np.full((2, 3), number, np.float32) for number, name in enumerate("abc")}
FACTS = {"b": SiteFacts(True, False, {"realign": 3})}


@pytest.fixture
def folder(tmp_path):
    for block, sites in SITES.by_block.items():
        scored = (
            (site.name, SCORES[site.name], np.ones((2, 3), bool), FACTS.get(site.name, SiteFacts()))
            for site in sites
        )
        write_block(tmp_path, block, scored)
    return tmp_path


def test_scores_and_facts_come_back(folder):
    assert len(list(folder.iterdir())) == 2 * 2
    lying = dict(zip("abc", spilled(folder, SITES), strict=True))
    assert all(np.array_equal(each.read(), SCORES[name]) for name, each in lying.items())
    assert read_facts(folder, SITES) == {name: FACTS.get(name, SiteFacts()) for name in "abc"}


def test_a_block_that_is_not_whole_is_noticed(folder):
    known: set = set()
    assert all_whole(folder, SITES, known) and len(known) == 2
    for path in known:
        kept = path.read_bytes()
        for damaged in (kept[:-1], bytes(len(kept) - 1) + b"\1", b""):
            path.write_bytes(damaged)
            assert not all_whole(folder, SITES, set())
            assert all_whole(folder, SITES, set(known))  # what this process wrote is not read
        path.write_bytes(kept)
    assert all_whole(folder, SITES, set())
    for path in folder.glob("*.json"):
        kept = path.read_bytes()
        for damaged in (b"", kept[:-2], b"{}"):
            path.write_bytes(damaged)
            assert not all_whole(folder, SITES, set())
        path.write_bytes(kept)


def test_a_block_that_is_written_again_is_not_whole_meanwhile(folder):
    def cut_short():
        yield "c", SCORES["c"], np.ones((2, 3), bool), SiteFacts()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_block(folder, 3, cut_short())
    assert not all_whole(folder, SITES, set())
