"""What must never be found in what goes out: tokens, paths, user names, the text of examples."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from tests.support.hub.state import Hub

UNKNOWN_TOKENS = ("hf_wrongwrong", "hf_readread")


def texts_of(hub: Hub) -> Iterable[tuple[str, str]]:
    """Every text on the Hub that a client put there: small files, commits, pull requests."""
    for repo in hub.repos.values():
        for commit in repo.commits.values():
            yield f"{repo.id}: title", commit.title
            yield f"{repo.id}: description", commit.description
            for path, blob in commit.files.items():
                if path.startswith("repair/") or path == "README.md":
                    yield f"{repo.id}: {path}", blob.data.decode("utf-8", errors="replace")
        for talk in repo.discussions:
            yield f"{repo.id}: discussion", f"{talk.title}\n{talk.description}"
            for comment in talk.comments:
                yield f"{repo.id}: comment", comment.text


def example_texts(*sets: Path) -> list[str]:
    """Prompts and answers that are long enough to be no one else's words."""
    found = []
    for path in sets:
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            found += [row[key] for key in ("prompt", "response") if len(row.get(key) or "") > 15]
    return found


def leaks(texts: Iterable[tuple[str, str]], secrets: Iterable[str]) -> list[str]:
    """Which secret stands where."""
    wanted = list(secrets)
    return [f"{word!r} in {where}" for where, text in texts for word in wanted if word in text]


def secrets(hub: Hub, here: Path) -> list[str]:
    """What must never be found: tokens, the folder with its user's name, the examples' texts."""
    user = here.parent
    return [*hub.accounts, *UNKNOWN_TOKENS, str(user), user.name, "127.0.0.1",
            *example_texts(here / "realign.jsonl")]  # fmt: skip


def found_in(hub: Hub, here: Path, log: str = "", answer: str = "") -> list[str]:
    """Which secret stands on the Hub, in what lies beside a repaired model, or on the screen.

    An answer on stdout may name the folder that it is about, as it is for the one who asked.
    """
    wanted = secrets(hub, here)
    texts = [
        (str(path), path.read_text(encoding="utf-8", errors="replace"))
        for folder in here.iterdir()
        for path in (folder / "README.md", *folder.glob("repair/*"))
        if path.is_file()
    ]
    words = [word for word in wanted if word != "127.0.0.1"]
    asked = [word for word in words if word not in (str(here.parent), here.parent.name)]
    return [
        *leaks([*texts_of(hub), *texts], wanted),
        *leaks([("log", log)], words),
        *leaks([("answer", answer)], asked),
    ]
