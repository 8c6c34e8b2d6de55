"""The examples, as a newcomer runs them: from the installed wheel, word for word."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from tests.support.environments import ROOT, build_wheel, make_environment
from tests.support.made_once import made_once
from tests.support.pages import assert_printed, blocks_of, pattern_of, run_page

EXAMPLES = ROOT / "examples"
RUN = ("publisher",)
"""Those whose commands need nothing but the wheel."""


@pytest.mark.parametrize("name", RUN)
def test_the_page_is_short_and_shows_what_it_prints(name):
    page = EXAMPLES / name / "README.md"
    assert len(page.read_text(encoding="utf-8").splitlines()) < 60
    languages = [block.language for block in blocks_of(page)]
    assert languages == ["sh", "text"] * (len(languages) // 2) and languages
    for block in blocks_of(page):
        if block.language == "sh":
            subprocess.run(["bash", "-n"], input=block.text, text=True, check=True)


@pytest.mark.parametrize(
    ("shown", "said", "same"),
    [
        ("done in 3 s", "done in 14 s", True),
        ("0.007, n = 144", "0.014, n = 144", True),
        ("…\nlast", "first\nsecond\nlast", True),
        ("first …\nlast", "first and more\nlast", True),
        ("last", "first\nlast", False),
        ("passed", "failed", False),
        ("exit code 1", "exit code 1", True),
        ("exit code 1", "exit code 7", False),
        ("exit code 70", "exit code 71", False),
    ],
)
def test_what_counts_as_the_output_shown(shown, said, same):
    assert bool(re.fullmatch(pattern_of(shown), said)) is same


@pytest.mark.slow
@pytest.mark.xdist_group("wheels")
@pytest.mark.parametrize("name", RUN)
def test_every_command_prints_what_the_page_shows(name, tmp_path, tmp_path_factory, hub):
    host = made_once(tmp_path_factory, "modelrepair-wheel", lambda out: build_wheel(ROOT, out))
    environment = make_environment(tmp_path / "environment")
    environment.install([host])
    work = tmp_path / name
    shutil.copytree(EXAMPLES / name, work)
    hub_of_the_tests = {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(tmp_path / "home"),
        "HF_HUB_DISABLE_XET": "1",
        "HF_TOKEN": hub.token,
    }
    blocks = blocks_of(EXAMPLES / name / "README.md")
    printed = run_page(blocks, environment, work, hub_of_the_tests)
    assert_printed(blocks, [each.replace(hub.url, "https://huggingface.co") for each in printed])
