"""The base that a card declares, and whether a reference fits."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors.numpy import save_file

from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.errors import UnsupportedModelError
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
