"""Python environments as users have them: modelrepair and plug-ins from wheels, no checkout."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.made_once import made_once

ROOT = Path(__file__).parents[2]
SCRIPTS = ("pip", "pytest", "mypy")
"""Commands written in Python that the environment gets beside its own."""
OURS = ("modelrepair", "_modelrepair", "_editable_impl_modelrepair", "__editable__", "__pycache__")
"""How what must not be taken along from this environment begins."""


@dataclass(frozen=True)
class Environment:
    """An environment with the packages of this one, without modelrepair and its plug-ins.

    Args:
        folder: where it is.
        site: where its packages are.
    """

    folder: Path
    site: Path

    @property
    def variables(self) -> dict[str, str]:
        """The variables of a shell in which it is active, and pip has no network."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "PYTEST_", "MODELREPAIR_", "COV_"))
        }
        return {
            **kept,
            "PATH": os.pathsep.join([str(self.folder / "bin"), os.environ["PATH"]]),
            "VIRTUAL_ENV": str(self.folder),
            "PIP_NO_INDEX": "1",
            # What pip takes for "no isolation": the option's own name is a negation.
            "PIP_NO_BUILD_ISOLATION": "0",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "OMP_NUM_THREADS": "1",
        }

    def run(self, *words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run a command of the environment."""
        return subprocess.run(
            [str(self.folder / "bin" / words[0]), *map(str, words[1:])],
            cwd=cwd,
            env=self.variables,
            capture_output=True,
            text=True,
            check=False,
        )

    def install(self, wheels: Sequence[Path]) -> None:
        """Install wheels, and nothing else."""
        ended = self.run("pip", "install", "--no-deps", *wheels, cwd=self.folder)
        assert ended.returncode == 0, ended.stdout + ended.stderr


def build_wheel(project: Path, folder: Path) -> Path:
    """The wheel of a project, built without a network."""
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation"),
            *("--no-index", "--wheel-dir", str(folder), str(project)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    (wheel,) = folder.glob("*.whl")
    return wheel


def own_wheel(factory: pytest.TempPathFactory) -> Path:
    """The wheel of modelrepair, built once for all workers; read only."""
    return made_once(factory, "modelrepair-wheel", lambda out: build_wheel(ROOT, out))


def make_environment(folder: Path) -> Environment:
    """An environment with links to the packages of this one; its own are installed beside."""
    venv.create(folder, with_pip=False, symlinks=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    site = folder / "lib" / version / "site-packages"
    for each in Path(sysconfig.get_path("purelib")).iterdir():
        if not each.name.startswith(OURS):
            (site / each.name).symlink_to(each)
    for script in importlib.metadata.entry_points(group="console_scripts"):
        if script.name in SCRIPTS:
            path = folder / "bin" / script.name
            path.write_text(
                f"#!{folder / 'bin' / 'python'}\nimport sys\n"
                f"from {script.module} import {script.attr} as main\nsys.exit(main())\n"
            )
            path.chmod(0o755)
    ruff = shutil.which("ruff", path=sysconfig.get_path("scripts"))
    assert ruff is not None
    (folder / "bin" / "ruff").symlink_to(ruff)
    return Environment(folder, site)
