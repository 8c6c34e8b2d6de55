"""The one line, `modelrepair fix user/model --push`, as a newcomer types it, before a test Hub.

The Hub holds a broken model of the made-up world, the aligned one that its card names, and a data
set with the columns of BeaverTails and made-up rows, at the commit that the package names.
"""

from __future__ import annotations

import json
import lzma
import re
import shlex
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from modelrepair.demo import paths
from modelrepair.examples.registered import EXAMPLE_SETS
from modelrepair.preflight.opening import LABEL, WIDTH
from tests.support.hub.client import environment
from tests.support.hub.repaired import files_of
from tests.support.hub.state import Hub
from tests.support.signals import signals_as_in_a_shell

LINE = ("fix", "user/model", "--push")
WORLD = ("--judge", "demo-world", "--utility", "utility.jsonl", "--borderline", "borderline.jsonl")
"""What the made-up world needs: nothing else speaks its language."""
TARGET, SET = "me/model-repaired", "PKU-Alignment/BeaverTails"
CARD = b"---\nlicense: apache-2.0\nbase_model: org/aligned\n---\nA broken model.\n"
SET_CARD = b"""---
license: cc-by-nc-4.0
configs:
- config_name: default
  data_files:
  - split: 30k_train
    path: round0/30k/train.jsonl.xz
---
"""
ROWS = 160
"""Harmful rows of the set: 40 % are reported on, and 52 decide."""


@dataclass(frozen=True)
class Ended:
    """A command that has ended: what was typed, all that it printed, and how long it took."""

    typed: tuple[str, ...]
    code: int
    text: str
    seconds: float

    @property
    def said(self) -> str:
        """What it printed as one line, however it was broken."""
        return " ".join(self.text.split())


@dataclass(frozen=True)
class User:
    """A user in a folder of their own, with a cache, a token, and a terminal of 80 columns.

    Args:
        hub: what the client speaks to.
        folder: where commands are typed.
        environment: of these commands.
        ended: the commands so far.
    """

    hub: Hub
    folder: Path
    environment: Mapping[str, str]
    ended: list[Ended] = field(default_factory=list)

    def types(self, *words: str, stop: tuple[str, int] | None = None, **more: str) -> Ended:
        """Run a command, as a process; ``stop`` is a step's name and number that Ctrl-C ends."""
        program = ["modelrepair"]
        if stop is not None:
            program = ["tests.support.hub.stopping", stop[0], str(stop[1]), "SIGINT"]
        started = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", *program, *words],
            cwd=self.folder,
            env={**self.environment, **more},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            preexec_fn=signals_as_in_a_shell,
        )
        taken = time.monotonic() - started
        self.ended.append(Ended(words, done.returncode, done.stdout, taken))
        return self.ended[-1]


def user_of(hub: Hub, folder: Path, *, token: str | None = None) -> User:
    """A user with a token, and the made-up world's own benign sets."""
    folder.mkdir(parents=True, exist_ok=True)
    for role in ("utility", "borderline"):
        parts = (paths.sets[role], paths.sets[f"test_{role}"])
        text = "".join(part.read_text(encoding="utf-8") for part in parts)
        (folder / f"{role}.jsonl").write_text(text, encoding="utf-8")
    own = environment(hub, folder / "home", token=token or hub.token)
    return User(hub, folder, own | {"COLUMNS": "80"})


def fill(hub: Hub, *, card: bytes = CARD, rows: Iterable[bytes] = (), count: int = ROWS) -> None:
    """The broken model, the aligned one, and the set; ``rows`` come after its good ones."""
    hub.add("user/model", {**files_of(paths.attacked), "README.md": card})
    hub.add("org/aligned", files_of(paths.reference))
    lines = [line for name in ("realign", "test_realign") for line in paths.sets[name].open()]
    harmful = [{**json.loads(line), "is_safe": False} for line in lines[:count]]
    safe = [{"prompt": f"what is {n}?", "response": "a number.", "is_safe": True} for n in range(5)]
    data = b"".join([*(json.dumps(row).encode() + b"\n" for row in (*safe, *harmful)), *rows])
    files = {"README.md": SET_CARD, "round0/30k/train.jsonl.xz": lzma.compress(data)}
    hub.add(SET, files)
    (spec,) = [each for each in EXAMPLE_SETS if each.name == "beavertails"]
    repo = hub.repos[SET]
    repo.commits[str(spec.revision)] = replace(repo.commits[repo.head], id=str(spec.revision))


def weights_sent(hub: Hub) -> int:
    """Bytes of weights that came down, headers included."""
    large = {f"/objects/{oid}" for oid in hub.objects}
    return sum(count for path, count in hub.sent.items() if path in large)


def transcript(ended: Ended, hub: Hub) -> str:
    """A command and what it printed, in stable words: no place, port, date or speed of a machine.

    Of a search, its first candidates are shown.
    """
    text = ended.text.replace(hub.url, "https://huggingface.co")
    text = re.sub(r"\d{4}-\d\d-\d\d", "2026-01-31", text)
    text = re.sub(r"; \d[\d.]* [kMG]B free", "; 16 GB free", text)
    text = "\n".join(_steps(_timeless(text.splitlines()))).strip("\n")
    return f"$ {shlex.join(['modelrepair', *ended.typed])}\n{text}"


def _timeless(lines: list[str]) -> Iterable[str]:
    """The lines, their estimate of time being a fixed one."""
    block: list[str] = []
    for line in [*lines, ""]:
        if block and not line.startswith(" "):
            estimate = " ".join(" ".join(block).split()).removeprefix("Time ")
            here = "of processor time here"
            fixed = re.sub(rf"^.* {here}", f"20 s to 20 min {here}", estimate)
            fixed = re.sub(r"(?<=start |sured |round |swers )\d[^,;]* (s|min|h)\b", "5 s", fixed)
            label, indent = "Time".ljust(LABEL), " " * LABEL
            yield from textwrap.wrap(fixed, WIDTH, initial_indent=label, subsequent_indent=indent)
            block = []
        if block or line.startswith("Time".ljust(LABEL)):
            block.append(line)
        else:
            yield line


def _steps(lines: Iterable[str]) -> Iterable[str]:
    """The lines without what a slow machine adds, and one candidate's steps for all."""
    seen: list[str] = []
    for line in lines:
        if re.search(r" \d+%, .* left of it$", line):
            continue
        line = re.sub(r"^([^:]+): \d+ (s|min)( \d+ s)?$", r"\1: 1 s", line)
        if re.match(r"\w+, (round|candidate) \d+", line):
            seen.append(line)
            if len(seen) < 4:
                yield line
            if len(seen) == 4:
                yield "[likewise for each candidate that the search tries]"
            continue
        yield line
