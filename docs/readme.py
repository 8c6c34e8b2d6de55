"""What of README.md is made from other places: each door's commands, and the demo's figures."""

from __future__ import annotations

import re
from pathlib import Path

from docs.demo_figures import kept, with_table

ROOT = Path(__file__).resolve().parents[1]
DOORS = ("publisher", "scorer", "maintainer")
"""The users that README.md speaks to, each by the name of an example."""
COMMANDS = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def readme(root: Path = ROOT) -> str:
    """README.md with the first commands of each example, and the demo's figures."""
    text = (root / "README.md").read_text(encoding="utf-8")
    for name in DOORS:
        page = (root / "examples" / name / "README.md").read_text(encoding="utf-8")
        first = COMMANDS.search(page)
        if first is None:
            raise ValueError(f"examples/{name}/README.md shows no commands")
        text = with_commands(text, name, first[1])
    return with_table(text, kept())


def with_commands(text: str, name: str, commands: str) -> str:
    r"""A page whose block after the link to an example has these commands.

    >>> with_commands("[a](examples/a/README.md)\n```sh\nold\n```\n", "a", "new\n")
    '[a](examples/a/README.md)\n```sh\nnew\n```\n'
    """
    door = rf"(\(examples/{name}/README\.md\).*?^```sh\n).*?(?=^```$)"
    found, count = re.subn(
        door, lambda each: each[1] + commands, text, count=1, flags=re.DOTALL | re.MULTILINE
    )
    if not count:
        raise ValueError(f"README.md shows no commands after the link to examples/{name}")
    return found
