"""A row of what can go wrong between a folder and the Hub, and what makes it go wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.support.breaking import failing
from tests.support.error_ids import code_of
from tests.support.hub import cards
from tests.support.hub.state import Account, Hub

TARGET = "me/model-repaired"
NOTHING, EMPTY, WHOLE = "nothing", "an empty repository", "all of it"
Break = Callable[[Hub, pytest.MonkeyPatch], object]


@dataclass(frozen=True)
class Row:
    """One thing that goes wrong.

    Args:
        what: what happens, for the page.
        id: of the error; empty where all goes well.
        line: what follows "Error: "; "…" stands for any text. Empty where all goes well.
        hint: what follows "Hint [id]: ", likewise.
        breaks: makes it go wrong.
        options: of the command.
        left: what the Hub has of it then.
        mends: what the user does about it, beside running the command again.
        again: the exit code of the second run.
        subject: of the repair; a delta has the reference org/base.
    """

    what: str
    id: str
    line: str
    hint: str
    breaks: Break
    options: str = ""
    left: str = NOTHING
    mends: Break | None = None
    again: int = 0
    subject: str = "weight"

    @property
    def code(self) -> int:
        """The exit code of that error."""
        return code_of(self.id)


def at(method: str, path: str, status: int | None = None, **more: object) -> Break:
    """Go wrong at one route."""
    return lambda hub, patch: hub.fail(method, path, status, **more)


def token(value: str | None) -> Break:
    """Another token, or none."""

    def change(hub: Hub, patch: pytest.MonkeyPatch) -> None:
        hub.accounts["hf_readread"] = Account("me", "read")
        patch.delenv("HF_TOKEN", raising=False)
        if value:
            patch.setenv("HF_TOKEN", value)

    return change


def right(hub: Hub, patch: pytest.MonkeyPatch) -> None:
    """A token that may write."""
    patch.setenv("HF_TOKEN", hub.token)


def patched(name: str, error: BaseException) -> Break:
    """Something on our side fails."""
    return lambda hub, patch: failing(name, error)(patch)


def unreachable(hub: Hub, patch: pytest.MonkeyPatch) -> None:
    patch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")


def offline(hub: Hub, patch: pytest.MonkeyPatch) -> None:
    patch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


def named(id: str, **flags: bool) -> Break:
    """A repository of somebody in the way."""
    return lambda hub, patch: hub.add(id, {"model.safetensors": b"another model"}, **flags)


def somebody_commits(hub: Hub) -> None:
    """Another commit on the target, just before ours."""
    repo = hub.repos[TARGET]
    hub.write(repo, "main", dict(repo.commit().files), "Somebody else's")


def somebody_creates(hub: Hub) -> None:
    """The repository is made by somebody with the same token, just before us."""
    hub.add(TARGET, {".gitattributes": b""})


def gone(id: str) -> Break:
    return lambda hub, patch: hub.repos.pop(id)


def source(id: str = "user/model", **flags: object) -> Break:
    """The source's visibility, or another one's."""

    def change(hub: Hub, patch: pytest.MonkeyPatch) -> None:
        for name, value in flags.items():
            setattr(hub.repos[id], name, value)

    return change


def strange_licence(hub: Hub, patch: pytest.MonkeyPatch) -> None:
    """The Hub knows no such licence; the card is the manifest's, so editing it mends nothing."""
    known = [each for each in cards.LICENSES if each != "llama2"]
    patch.setattr(cards, "LICENSES", known)


def known_licence(hub: Hub, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(cards, "LICENSES", [*cards.LICENSES, "llama2"])


def changed_since(hub: Hub, patch: pytest.MonkeyPatch) -> None:
    """The source's owner changes it."""
    files = {**hub.repos["me/source"].files(), "config.json": b'{"newer": 1}'}
    hub.add("me/source", files)


def both(*breaks: Break) -> Break:
    def change(hub: Hub, patch: pytest.MonkeyPatch) -> None:
        for each in breaks:
            each(hub, patch)

    return change


def setting(name: str, value: object) -> Break:
    return lambda hub, patch: setattr(hub, name, value)
