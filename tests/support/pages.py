"""Pages whose commands are run word for word, and print what the page shows."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.support.environments import Environment

BLOCK = re.compile(r"(?:`([\w/.-]+)`:\n\n)?^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Block(NamedTuple):
    """A block of a page: the file that it is, its language, its text."""

    file: str
    language: str
    text: str


def blocks_of(page: Path) -> list[Block]:
    """The page's blocks in order.

    ``sh`` is run, ``text`` is what the block before prints, ``console`` is not run, and any other
    language is a file.
    """
    return [Block(*each) for each in BLOCK.findall(page.read_text(encoding="utf-8"))]


def pattern_of(shown: str) -> str:
    """What matches the whole of an output that a page shows.

    "…" stands for what is left out, of a line or of lines. A number may be another one, since
    figures differ from machine to machine; an exit code may not.

    >>> bool(re.fullmatch(pattern_of("…\\nexit code 1, n = 4"), "a\\nb\\nexit code 1, n = 5"))
    True
    >>> bool(re.fullmatch(pattern_of("exit code 1"), "exit code 2"))
    False
    """
    freed = re.sub(r"(?<!exit\\ code\\ )(?<!\d)\d+", r"\\d+", re.escape(shown.strip()))
    return "(?s)" + freed.replace("…", ".*?")


def run_page(
    blocks: Sequence[Block], environment: Environment, folder: Path, given: Mapping[str, str]
) -> list[str]:
    """What each block printed, where all are run in one shell that stops at an error.

    Args:
        blocks: of the page.
        environment: in which they run.
        folder: where the shell begins.
        given: variables beside those of the environment.
    """
    script = ["set -euo pipefail"]
    for number, (name, language, text) in enumerate(blocks):
        script.append(f"echo '@@{number}'")
        if language == "sh":
            script.append(text)
        elif language not in ("text", "console"):
            script += [f"cat > {name} <<'END-OF-FILE'", f"{text}END-OF-FILE"]
    ended = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=folder,
        env={**environment.variables, **given},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr[-4000:]
    return re.findall(r"@@\d+\n(.*?)(?=@@\d|\Z)", ended.stdout, re.DOTALL)


def assert_printed(blocks: Sequence[Block], printed: Sequence[str]) -> None:
    """Each output that the page shows is what the block before it printed."""
    for number, block in enumerate(blocks):
        if block.language == "text":
            said = printed[number - 1].strip()
            assert re.fullmatch(pattern_of(block.text), said), f"{block.text}\n---\n{said}"
