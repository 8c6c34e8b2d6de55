"""What a plug-in is: its code, whatever version it says it has."""

from __future__ import annotations

import importlib
import json
from types import SimpleNamespace

import pytest

from modelrepair.plugin.file_scorers import scorer_from_file
from modelrepair.plugin.loading import Registered
from modelrepair.preflight.plugin_code import code_digest
from modelrepair.version import version


@pytest.fixture
def package(site):
    """A distribution of a package with a compiled module, as pip records one."""
    folder = site / "mine"
    (folder / "deep").mkdir(parents=True)
    files = ["mine/__init__.py", "mine/deep/__init__.py", "mine/deep/scorer.py", "mine/fast.so"]
    for name in (*files, "mine/data.txt", "mine/not_recorded.py"):
        (site / name).write_text("")
    metadata = site / "mine_dist-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: mine-dist\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[modelrepair]\nmine = mine.deep\n")
    recorded = [*files, "mine/data.txt", "mine_dist-1.0.dist-info/METADATA"]
    (metadata / "RECORD").write_text("".join(f"{name},,\n" for name in recorded))
    importlib.invalidate_caches()
    return site


def registered(distribution="mine-dist", load="mine.deep.scorer:Mine"):
    return Registered(SimpleNamespace(name="mine", load=load), distribution, "1.0")


def changes(site, name, text="x = 1\n"):
    before = code_digest(registered())
    (site / name).write_text(text)
    return code_digest(registered()) != before


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("mine/__init__.py", True),
        ("mine/deep/scorer.py", True),
        ("mine/fast.so", True),
        ("mine/data.txt", False),
        ("mine/not_recorded.py", False),
    ],
)
def test_the_recorded_code_counts_not_the_version(package, name, counts):
    assert changes(package, name) == counts


def editable(site):
    (site / "mine_dist-1.0.dist-info" / "direct_url.json").write_text(
        json.dumps({"url": f"file://{site}", "dir_info": {"editable": True}})
    )


@pytest.mark.parametrize("unrecorded", [False, True])
@pytest.mark.parametrize("name", ["mine/not_recorded.py", "mine/deep/scorer.py", "mine/fast.so"])
def test_of_an_editable_one_the_package_s_folder_counts(package, name, unrecorded):
    if unrecorded:
        (package / "mine_dist-1.0.dist-info" / "RECORD").unlink()
    else:
        editable(package)
    assert changes(package, name)


def test_the_place_does_not_count(package, tmp_path, monkeypatch):
    before = code_digest(registered())
    package.rename(tmp_path / "elsewhere")
    monkeypatch.syspath_prepend(str(tmp_path / "elsewhere"))
    importlib.invalidate_caches()
    assert code_digest(registered()) == before


def test_a_name_counts(package):
    editable(package)
    before = code_digest(registered())
    (package / "mine" / "not_recorded.py").rename(package / "mine" / "other.py")
    assert code_digest(registered()) != before


def test_one_module_alone(install, site, scorer_code):
    install("alone", scorer_code("alone"))
    importlib.invalidate_caches()
    before = code_digest(registered("alone", "alone:Alone"))
    (site / "alone.py").write_text("x = 1\n")
    assert code_digest(registered("alone", "alone:Alone")) != before


def test_a_file_counts_by_its_digest(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("class Mine:\n    sets = {'realign': 'pairs'}\n")
    before = code_digest(scorer_from_file(f"{path}:Mine"))
    path.write_text(path.read_text() + "    x = 1\n")
    assert code_digest(scorer_from_file(f"{path}:Mine")) != before


def test_our_own_counts_by_the_version():
    assert code_digest(registered("modelrepair")) == version()
