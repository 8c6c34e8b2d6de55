"""Repairers that train the whole model."""

from __future__ import annotations

import pytest
import torch

from modelrepair import verify
from modelrepair.demo import paths
from modelrepair.errors import (
    EmptyMaskError,
    PluginError,
    ResourceError,
    UnsupportedModelError,
    UsageError,
)
from tests.support.layout_repairs import fixed, loaded, save
from tests.support.repairing import tensors

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


def test_a_training_takes_float32_steps_whatever_the_arithmetic(edit):
    one, two = (
        edit(name, repairer="tune", strength=1, arithmetic=name).out
        for name in ("float32", "bfloat16")
    )
    assert (one / "model.safetensors").read_bytes() == (two / "model.safetensors").read_bytes()


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


@pytest.mark.parametrize(("repairer", "copies"), [("tune", 4), ("follow", 5)])
def test_a_training_that_does_not_fit_into_memory_is_not_begun(edit, monkeypatch, repairer, copies):
    size = 4 * sum(each.numel() for each in tensors(paths.attacked).values())
    free = (copies - 0.1) * size / 0.8
    monkeypatch.setattr("modelrepair.preflight.sizes.free_memory", lambda: free)
    with pytest.raises(ResourceError, match=f"{copies} copies .* does not fit into memory"):
        edit(repairer=repairer, strength=1)


def test_a_training_sees_the_reference_tensor_by_tensor(edit):
    report = edit(repairer="follow", strength=1)
    old, new, aligned = map(tensors, (paths.attacked, report.out, paths.reference))
    names = {site.name for site in report.manifest.sites}
    for name, value in new.items():
        assert torch.equal(value, (aligned if name in names else old)[name]), name
    assert report.manifest.reference is not None
    assert verify(report.out, source=paths.attacked).ok


@pytest.mark.parametrize("kind", ["gpt2", "qwen3"])
def test_the_reference_is_read_by_the_source_s_names_whatever_the_layout(edit, tmp_path, kind):
    aligned = save(kind, tmp_path / "aligned")  # transposed, tied; and another architecture
    model = loaded(aligned)
    names = [name for name, each in model.named_parameters() if each.ndim > 1 and ".0." in name]
    with torch.no_grad():
        for name in names:
            model.get_parameter(name).mul_(1.5)
    model.save_pretrained(tmp_path / "tuned")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / "tuned" / name).write_bytes((aligned / name).read_bytes())
    given = {"repairer": "follow", "strength": 1, "repairer_options": {"fault": "whole"}}
    out = edit(source=tmp_path / "tuned", reference=aligned, **given).out
    assert (out / "model.safetensors").read_bytes() == (aligned / "model.safetensors").read_bytes()


def test_the_base_is_the_reference_of_a_merged_adapter(edit):
    given = {"source": paths.adapter, "reference": "auto", "base": paths.reference}
    out = edit(repairer="follow", strength=1, merge=True, **given).out
    aligned, new = tensors(paths.reference), tensors(out)
    assert all(torch.equal(value, aligned[name]) for name, value in new.items())


def test_a_training_without_the_reference_that_it_needs_is_not_begun(edit):
    with pytest.raises(UsageError, match="'follow' needs a reference"):
        edit(repairer="follow", strength=1, reference="none")


def test_the_reference_of_what_may_not_change_is_not_shown(edit):
    with pytest.raises(PluginError, match=r"follow.* failed: KeyError: .*embed_tokens"):
        edit(repairer="follow", strength=1, repairer_options={"fault": "frozen"})
