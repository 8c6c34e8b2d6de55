"""The base that a card declares, and whether a reference fits."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from safetensors.torch import load_file as load_torch
from safetensors.torch import save_file as save_torch

from modelrepair import plan
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.demo import paths
from modelrepair.errors import UnsupportedModelError
from modelrepair.pipeline.ahead import look_at_model
from modelrepair.preflight.reference import look_at_reference
from modelrepair.progress import Notes
from modelrepair.settings.settings import Settings
from modelrepair.source.reference import check_same_shapes, declared_base


@pytest.mark.parametrize(
    ("front", "base"),
    [
        ("base_model: user/aligned", "user/aligned"),
        ("base_model:\n- user/aligned", "user/aligned"),
        ("base_model: [user/one, user/two]", None),
        ("base_model: user/aligned\nbase_model_relation: merge", None),
        ("base_model: user/aligned\nbase_model_relation: finetune", "user/aligned"),
        ("base_model: /home/someone/model", None),
        ("base_model: 7", None),
        ("license: mit", None),
        ("base_model: [unclosed", None),
        ("- a list", None),
    ],
)
def test_the_front_matter_names_one_model_or_none(tmp_path, front, base):
    (tmp_path / "README.md").write_text(f"---\n{front}\n---\nbase_model: not/this\n")
    assert declared_base(tmp_path) == base


def test_no_card_and_no_front_matter_name_none(tmp_path):
    assert declared_base(tmp_path) is None
    (tmp_path / "README.md").write_bytes(b"\xff\xfe no text")
    assert declared_base(tmp_path) is None
    (tmp_path / "README.md").write_text("base_model: user/aligned")
    assert declared_base(tmp_path) is None


def save(folder, **tensors) -> Checkpoint:
    folder.mkdir()
    save_file(
        {name: np.zeros(shape, "float32") for name, shape in tensors.items()},
        folder / "model.safetensors",
    )
    return Checkpoint.open(folder)


def test_shapes_are_compared_by_name(tmp_path):
    source = save(tmp_path / "s", a=(2, 3), b=(4,), own=(1,))
    check_same_shapes(source, save(tmp_path / "r", a=(2, 3), b=(4,)), ["a", "b"])
    with pytest.raises(UnsupportedModelError, match=r"a has shape \[3, 2\], expected \[2, 3\]"):
        check_same_shapes(source, save(tmp_path / "t", a=(3, 2), b=(4,)), ["a", "b"])
    with pytest.raises(UnsupportedModelError, match="own is missing"):
        check_same_shapes(source, save(tmp_path / "u", a=(2, 3)), ["own"])


def test_what_training_wrapped_around_the_source_is_named(tmp_path):
    source = save(tmp_path / "s", **{"_orig_mod.a.weight": (2, 3)})
    reference = save(tmp_path / "r", **{"a.weight": (2, 3)})
    with pytest.raises(UnsupportedModelError, match=r"_orig_mod\.a\.weight is missing") as caught:
        check_same_shapes(source, reference, ["_orig_mod.a.weight"])
    assert caught.value.hint.endswith("or take --reference none: there it is called a.weight")


def changed_reference(tmp_path, change):
    """The demo's reference with other tensors."""
    folder = shutil.copytree(paths.reference, tmp_path / "reference")
    tensors = load_torch(folder / "model.safetensors")
    change(tensors)
    save_torch(tensors, folder / "model.safetensors")
    return folder


def fewer_words(tensors):
    name = next(each for each in tensors if "embed" in each)
    tensors[name] = tensors[name][:-2].clone()


def stored_tables(tensors):
    tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.ones(4)


def explicit_head(tensors):
    name = next(each for each in tensors if "embed" in each)
    if tensors.pop("lm_head.weight", None) is None:
        tensors["lm_head.weight"] = tensors[name].clone()


@pytest.mark.parametrize("change", [fewer_words, stored_tables, explicit_head])
def test_what_no_repair_touches_is_named_and_not_compared(tmp_path, change):
    folder, notes = changed_reference(tmp_path, change), Notes()
    settings = Settings(str(paths.attacked), reference=str(folder))
    found = look_at_reference(settings.reference, look_at_model(settings.source).source, notes)
    assert found.found is not None
    (warning,) = notes.warnings
    assert "no repair touches these" in warning


def test_a_matrix_of_another_shape_is_refused_by_plan_too(tmp_path):
    def narrower(tensors):
        name = next(each for each in tensors if "q_proj" in each)
        tensors[name] = tensors[name][:-1].clone()

    folder = changed_reference(tmp_path, narrower)
    error = plan(paths.attacked, realign=paths.sets["realign"], reference=folder).error
    assert error is not None and error.message.startswith("the reference does not fit")
