"""What must never be found in what goes out: tokens, paths, user names, the text of examples."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from tests.hub.state import Hub


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


def example_texts(*sets: Path) -> list[str]:
    """Prompts and answers that are long enough to be nobody else's words."""
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
