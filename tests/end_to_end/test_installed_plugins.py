"""Plug-ins of others that are installed: `--help` imports none, and broken ones leave the rest."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from modelrepair.demo import paths
from modelrepair.plugin.registry import load_registry
from tests.support.installed import install_into, scorer_code, site

__all__ = ["site"]

HEAD = "from modelrepair.plugin import JudgeSpec, ScorerSpec, hookimpl\n"
BROKEN = {
    "import": "import nowhere_to_be_found",
    "exit": "raise SystemExit(3)",
    "syntax": "x = (",
    "misspelt": HEAD + "@hookimpl\ndef modelrepair_scorer(): return []\n",
    "unmarked": "def modelrepair_scorers(): return []\n",
    "argument": HEAD + "@hookimpl\ndef modelrepair_scorers(context): return []\n",
    "keyword": HEAD + "@hookimpl\ndef modelrepair_scorers(*, strict): return []\n",
    "raises": HEAD + "@hookimpl\ndef modelrepair_judges():\n    raise KeyError('x')\n",
    "midway": HEAD + "@hookimpl\ndef modelrepair_scorers():\n    yield 1 / 0\n",
    "none": HEAD + "@hookimpl\ndef modelrepair_repairers(): pass\n",
    "text": HEAD + "@hookimpl\ndef modelrepair_example_sets(): return ['wanda']\n",
    "ours": scorer_code("wanda"),
    "future": scorer_code("later", api=9),
    "unit": scorer_code("rows").replace("api=1", "unit='block'"),
}
"""Modules of plug-ins, each broken in a way of its own."""


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_plug_in_leaves_wanda_and_is_named(site, broken):
    install_into(site, f"{broken}-broken", BROKEN[broken], version="0.5")
    registry = load_registry()
    assert registry.scorer("wanda").distribution == "modelrepair"
    (failure,) = registry.failures
    assert str(failure).startswith(f"{broken}-broken 0.5 (plugin): ")


def environment(folder: Path) -> dict[str, str]:
    """With the plug-ins of a folder installed."""
    given = {key: value for key, value in os.environ.items() if key != "MODELREPAIR_PLUGINS"}
    return {**given, "PYTHONPATH": os.pathsep.join([str(folder), *filter(None, sys.path)])}


@pytest.mark.slow
def test_fix_with_wanda_works_beside_all_of_them(tmp_path):
    for broken, code in BROKEN.items():
        install_into(tmp_path / "site", f"{broken}-broken", code)
    typed = ["fix", str(paths.attacked), "--realign", str(paths.sets["realign"])]
    typed += ["--utility=none", "--borderline=none", "--reference=none", "--examples=8"]
    typed += ["--scorer=wanda", "--ratio=0.01", "--no-evaluate", "--judge=demo-world"]
    ended = subprocess.run(
        [sys.executable, "-m", "modelrepair", *typed, "--out", str(tmp_path / "out")],
        env=environment(tmp_path / "site"), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert "import-broken" in (tmp_path / "out" / "repair" / "manifest.json").read_text()


def test_help_takes_little_with_twenty_plug_ins_and_imports_none(tmp_path):
    folder, trace = tmp_path / "site", tmp_path / "imported"
    for number in range(20):
        code = f"open({str(trace)!r}, 'a').write('{number} ')\n" + scorer_code(f"s{number}")
        install_into(folder, f"plugin-{number}", code)
    used = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        ended = subprocess.run(
            [sys.executable, "-m", "modelrepair", "--help"],
            env=environment(folder), capture_output=True, text=True, check=True,
        )  # fmt: skip
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        assert "fix" in ended.stdout
    assert not trace.exists()
    listed = subprocess.run(
        [sys.executable, "-m", "modelrepair", "scorers", "list"],
        env=environment(folder), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "s19" in listed.stdout and len(trace.read_text().split()) == 20, "it can fail"
    assert statistics.median(used) < 0.25, used
