"""Each plug-in that is broken on purpose is found by the check that is meant for it."""

from __future__ import annotations

import re

import pytest

from modelrepair import ModelRepairError
from modelrepair.plugin.registry import load_registry, make_scorer
from modelrepair.testing import check
from modelrepair.testing.importing import Cost
from modelrepair.testing.kinds import KINDS
from tests.support.broken_plugins.broken import ABSENT, named
from tests.support.broken_plugins.tables import TABLES, rows
from tests.support.linear_model import problem, statistics_of, view

ROWS = [pytest.param(*row, id=f"{row[0]}-{row[2].name}") for row in rows()]
GOOD = [pytest.param(kind, good, id=f"{kind}-{i}") for i, (kind, good, _) in enumerate(TABLES)]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Some write a file where they are."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def quick_import(monkeypatch):
    """An interpreter for each plug-in costs more than all other checks."""
    monkeypatch.setattr("modelrepair.testing.common.measure", lambda values: Cost(0.0, ()))


def is_documented(id: str, kind: str, reason: str) -> bool:
    """Whether the check says in the docs what it says here."""
    check = next(each for each in KINDS[kind].checks if each.id == id)
    return any(
        re.fullmatch(".*".join(map(re.escape, says.split("…"))), reason, re.DOTALL)
        for says in check.says.split(" · ")
    )


@pytest.mark.parametrize(("kind", "good"), GOOD)
def test_the_plug_ins_that_they_are_made_from_pass(install, kind, good):
    install("broken-good", named(good, "good"))
    record = check(kind, "good")
    assert record.ok, [result for result in record.checks if result.outcome == "failed"]
    assert record.counts.passed >= 9


@pytest.mark.parametrize(("kind", "good", "broken"), ROWS)
def test_the_check_that_is_meant_for_it_finds_it(install, request, kind, good, broken):
    if broken.check != "cheap-import":
        request.getfixturevalue("quick_import")
    install(broken.distribution, broken.code(good))
    if broken.check == ABSENT:
        with pytest.raises(ModelRepairError) as raised:
            check(kind, broken.name)
        assert broken.is_said(str(raised.value)), raised.value
        return
    found = {each.id: each.reason for each in check(kind, broken.name).checks
             if each.outcome == "failed"}  # fmt: skip
    assert set(found) == {broken.check, *broken.also}, found
    assert broken.is_said(found[broken.check]), found[broken.check]
    assert is_documented(broken.check, kind, found[broken.check])


@pytest.mark.parametrize(("kind", "good", "broken"), ROWS)
def test_wanda_works_beside_it(install, kind, good, broken):
    install(broken.distribution, broken.code(good))
    registry = load_registry()
    wanda = make_scorer(registry.scorer("wanda"), {}, "weight")
    batch, subject = problem()
    scores = wanda.score(view(subject), statistics_of(wanda, {"realign": batch}))
    assert scores.shape == subject.shape and (scores > 0).all()
    offered = [*registry.scorers(), *registry.repairers(), *registry.judges(),
               *registry.found.example_sets]  # fmt: skip
    listed = {item.distribution for item in offered}
    assert (broken.distribution in listed) == (broken.check != ABSENT)
    if broken.check == ABSENT:
        assert [each.distribution for each in registry.failures] == [broken.distribution]


@pytest.mark.slow
def test_a_repair_with_wanda_is_the_same_beside_all_of_them(install, quick_repair):
    alone = quick_repair("alone", scorer="wanda")
    for _, good, broken in rows():
        if broken.check != "cheap-import":
            install(broken.distribution, broken.code(good))
    assert len(load_registry().failures) == sum(row[2].check == ABSENT for row in rows())
    beside = quick_repair("beside", scorer="wanda")
    masks = [report.out / "repair" / "mask.safetensors" for report in (alone, beside)]
    assert masks[0].read_bytes() == masks[1].read_bytes()
