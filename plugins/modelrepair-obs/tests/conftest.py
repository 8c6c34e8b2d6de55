"""The package as if it were installed, for the time of these tests."""

from __future__ import annotations

import importlib.metadata
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

sys.path.append(str(ROOT))


@pytest.fixture(autouse=True, scope="session")
def no_own_kinds():
    """The package's own kinds of prompts cost time, and are no subject here."""
    patch = pytest.MonkeyPatch()
    patch.setattr("modelrepair.preflight.sets.own_kinds", list)
    yield
    patch.undo()


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Tests run side by side on two cores: threads of one would wait for the other's."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="module")
def installed(tmp_path_factory):
    """What an installation would leave of it, where there is none."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    try:
        importlib.metadata.distribution(project["name"])
    except importlib.metadata.PackageNotFoundError:
        pass
    else:
        yield
        return
    folder = tmp_path_factory.mktemp("site")
    metadata = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    lines = [
        f"{name} = {module}" for name, module in project["entry-points"]["modelrepair"].items()
    ]
    (metadata / "entry_points.txt").write_text("\n".join(["[modelrepair]", *lines]))
    sys.path.append(str(folder))
    yield
    sys.path.remove(str(folder))
