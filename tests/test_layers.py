"""`lint-imports`, which `make lint` runs, refuses what the contracts in pyproject.toml forbid."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = (
    Path("modelrepair"),
    Path("plugins/modelrepair-lab/modelrepair_lab"),
    Path("plugins/modelrepair-obs/modelrepair_obs"),
    Path("plugins/modelrepair-rivals/modelrepair_rivals"),
)


@pytest.fixture
def house(tmp_path):
    """A copy of the code and of the contracts."""
    without = shutil.ignore_patterns("data", "__pycache__")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package.name, ignore=without)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(house: Path) -> tuple[int, str]:
    """Exit code and output of lint-imports over the copy."""
    ended = subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command as lint; lint()",
            "--no-cache",
            "--no-logo",
        ],
        cwd=house,
        env={**os.environ, "PYTHONPATH": str(house), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.returncode, ended.stdout + ended.stderr


def add(house: Path, module: str, line: str) -> None:
    """Append a line to a module of the copy."""
    path = house / f"{module.replace('.', '/')}.py"
    path.write_text(f"{path.read_text(encoding='utf-8')}\n{line}\n", encoding="utf-8")


def test_the_code_keeps_all_contracts(house):
    code, output = lint(house)
    assert code == 0, output
    assert "0 broken" in output


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("modelrepair.text.units", "import modelrepair.cli.main", "Floors"),
        ("modelrepair.scorers.wanda", "from modelrepair.engine import device", "Floors"),
        ("modelrepair.testing.checks", "import modelrepair.api", "Floors"),
        ("modelrepair.cli.fix", "import modelrepair.testing", "Testing"),
        ("modelrepair_obs.grams", "import modelrepair.errors", "Plug-ins"),
        ("modelrepair_rivals.grams", "import modelrepair.errors", "Plug-ins"),
        ("modelrepair_lab.watching", "import modelrepair.errors", "Lab"),
    ],
    ids=["up", "sideways", "kit", "importer-of-kit", "obs", "rivals", "lab"],
)
def test_a_forbidden_import_breaks_its_contract(house, module, line, contract):
    add(house, module, line)
    code, output = lint(house)
    assert code == 1
    broken = [said for said in output.splitlines() if said.endswith("BROKEN") or "BROKEN" in said]
    assert [said.split(":")[0] for said in broken] == [contract]
    assert module in output.split("BROKEN", 1)[1]


def test_a_folder_that_is_on_no_floor_is_refused(house):
    (house / "modelrepair" / "attic").mkdir()
    (house / "modelrepair" / "attic" / "__init__.py").touch()
    code, output = lint(house)
    assert code != 0
    assert "attic" in output


def test_a_listed_import_of_the_lab_that_is_gone_must_leave_the_list(house):
    path = house / "modelrepair_lab" / "table.py"
    text = path.read_text(encoding="utf-8")
    line = "from modelrepair.checkpoint.atomic import write_text\n"
    assert line in text
    path.write_text(text.replace(line, ""), encoding="utf-8")
    code, output = lint(house)
    assert code != 0
    assert "modelrepair_lab.table -> modelrepair.checkpoint.atomic" in output
