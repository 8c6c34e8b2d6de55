"""What is public, and that documents, examples and plug-ins use nothing else."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import modelrepair
import modelrepair.testing
from modelrepair.version import version

ROOT = Path(__file__).parents[1]
PUBLIC = {"modelrepair", "modelrepair.plugin", "modelrepair.testing"}
PAGES = sorted(
    page
    for folder in ("docs", "examples", "plugins")
    for page in (ROOT / folder).rglob("*.md")
    if not {".venv", "node_modules"} & set(page.parts)
)
SCRIPTS = sorted(
    script
    for folder in (
        "examples",
        "plugins/modelrepair-example/modelrepair_example",
        "plugins/modelrepair-obs/modelrepair_obs",
        "plugins/modelrepair-rivals/modelrepair_rivals",
    )
    for script in (ROOT / folder).rglob("*.py")
)


def imported(code: str) -> set[str]:
    """The modules of modelrepair that Python code imports; names of submodules count, too."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {
                f"{node.module}.{each.name}" if each.name in rooms(node.module) else node.module
                for each in node.names
            }
    return {name for name in found if name.split(".")[0] == "modelrepair"}


def rooms(module: str) -> set[str]:
    """What in a package is a module that the package does not offer as a public name."""
    folder = ROOT / Path(*module.split("."))
    inner = {path.stem for path in folder.iterdir()} if folder.is_dir() else set()
    return inner - set(modelrepair.__all__) if module == "modelrepair" else inner


@pytest.mark.parametrize("name", modelrepair.__all__)
def test_every_public_name_exists(name):
    assert getattr(modelrepair, name) is not None


@pytest.mark.parametrize("name", modelrepair.testing.__all__)
def test_every_public_name_of_the_kit_exists(name):
    assert getattr(modelrepair.testing, name) is not None


def test_the_version_is_that_of_the_distribution():
    assert modelrepair.__version__ == version()


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'pipelines'"):
        _ = modelrepair.pipelines


def test_inner_imports_are_seen():
    assert imported("from modelrepair.demo import paths") == {"modelrepair.demo.paths"}
    assert imported("from modelrepair import demo, repair") == {"modelrepair.demo", "modelrepair"}
    assert imported("import modelrepair.errors, torch") == {"modelrepair.errors"}


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: page.name)
def test_pages_import_public_names(page):
    text = page.read_text(encoding="utf-8")
    for block in re.findall(r"^```python\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE):
        lines = [line.strip(" >.") for line in block.splitlines()]
        code = "\n".join(line for line in lines if re.match(r"(import|from) ", line))
        assert imported(code) <= PUBLIC, page


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_scripts_import_public_names(script):
    assert imported(script.read_text(encoding="utf-8")) <= PUBLIC


def test_no_folder_is_named_like_a_public_function():
    """`import modelrepair.measure.x as m` finds the function where a folder has its name."""
    folders = {path.name for path in (ROOT / "modelrepair").rglob("*") if path.is_dir()}
    assert not folders & {*modelrepair.__all__, "audit"}
