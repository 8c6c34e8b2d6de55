"""Opens the models of a run: skeleton, template and panel, and what they need on disk."""

from __future__ import annotations

import shutil

import pytest

from modelrepair.demo import paths
from modelrepair.errors import UnsupportedModelError
from modelrepair.pipeline import open_models
from modelrepair.progress import Notes


def test_a_broken_tokenizer_is_told_with_its_reason(tmp_path):
    folder = shutil.copytree(paths.attacked, tmp_path / "model")
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(UnsupportedModelError, match=r"the tokenizer can't be loaded: KeyError"):
        open_models.load_template(folder, 128, 346, Notes())
