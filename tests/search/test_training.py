"""Repairers that train the whole model."""

from __future__ import annotations

import pytest

from modelrepair import verify
from modelrepair.demo import paths
from modelrepair.errors import EmptyMaskError, PluginError, ResourceError, UnsupportedModelError
from tests.support.layout_repairs import fixed, save

pytestmark = pytest.mark.usefixtures("own_repairers")


@pytest.mark.slow
def test_a_training_is_the_same_for_a_seed_and_another_for_another(edit):
    one, two, three = (
        edit(name, repairer="tune", strength=1, seed=seed).out
        for name, seed in (("one", 0), ("two", 0), ("three", 1))
    )
    weights = [(folder / "model.safetensors").read_bytes() for folder in (one, two, three)]
    assert weights[0] == weights[1] != weights[2]


def test_a_training_that_diverges_is_told(edit):
    with pytest.raises(PluginError, match=r"tune.* diverged: .* is not finite after 2 steps"):
        edit(repairer="tune", strength=2, repairer_options={"rate": 1e30})


def test_a_training_that_ends_before_its_strength_changed_nothing(edit):
    with pytest.raises(EmptyMaskError, match="tune changed nothing at a strength of 9") as caught:
        edit(repairer="tune", strength=9)
    assert "how many steps" in caught.value.hint


def test_a_training_stops_where_it_is_repaired(edit, few):
    report = edit(repairer="tune", strength=None, evaluate=True, **few)
    assert [point.ratio for point in report.manifest.search] == [1, 2, 3]
    assert verify(report.out, source=paths.attacked).ok


def test_what_is_made_of_several_tensors_is_not_trained(tmp_path):
    source = save("mixtral", tmp_path / "source")
    given = {"scorer": None, "ratio": None, "repairer": "tune", "strength": 1}
    with pytest.raises(UnsupportedModelError, match="a parameter made of several tensors"):
        fixed(source, tmp_path / "out", **given)
    out = fixed(source, tmp_path / "out", exclude=["*experts*"], **given).out
    assert verify(out, source=source).ok


def test_a_training_that_does_not_fit_into_memory_is_not_begun(edit, monkeypatch):
    monkeypatch.setattr("modelrepair.preflight.sizes.free_memory", lambda: 4 * 2_000_000)
    with pytest.raises(ResourceError, match="that does not fit into memory"):
        edit(repairer="tune", strength=1)
