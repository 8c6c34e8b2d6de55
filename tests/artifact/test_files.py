"""Whether a folder still holds what its record names."""

from __future__ import annotations

import pytest

from modelrepair.artifact.files import first_change
from modelrepair.checkpoint.digests import sha256_file
from modelrepair.progress import Progress


@pytest.fixture
def folder(tmp_path):
    for name in ("config.json", "model.safetensors", "README.md"):
        (tmp_path / name).write_text(name)
    return tmp_path


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda folder: None, None),
        (lambda folder: (folder / "README.md").write_text("x"), None),
        (lambda folder: (folder / "config.json").unlink(), "'config.json' is missing"),
        (lambda folder: (folder / "run.py").write_text("x"), "'run.py' is no part of it"),
        (
            lambda folder: (folder / "model.safetensors").write_text("x"),
            "'model.safetensors' is not the file that it was",
        ),
    ],
)
def test_the_first_change_is_named(folder, change, said):
    files = {name: sha256_file(folder / name) for name in ("config.json", "model.safetensors")}
    change(folder)
    assert first_change(folder, files, ["README.md"], Progress()) == said
