"""What can go wrong between a folder and the Hub, one row each, and what it leaves on both sides.

``python -m tests.support.hub.table`` writes the same table for people to ``docs/hub-errors.md``.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.breaking import failing
from tests.support.error_ids import code_of, linked
from tests.support.hub import cards
from tests.support.hub.state import Account, Hub

PAGE = Path(__file__).parents[3] / "docs" / "hub-errors.md"
NO_SPACE = OSError(errno.ENOSPC, "No space left on device")
PUSH = "modelrepair push out"
FINISH = f"finish it with: {PUSH}"
TARGET = "me/model-repaired"
LATER = "try again later"
THEN = "run the same command again then; hf auth login allows more requests"
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


TOKENS = [
    Row("no token", "no-token", "there is no token to push with",
        "run: hf auth login, or set HF_TOKEN to a token that may write", token(None), mends=right),
    Row("a token that the Hub does not know", "token-refused",
        "the Hub refuses the token, for user/model",
        f"run: hf auth login, then {FINISH}", token("hf_wrongwrong"), mends=right),
    Row("a token that may only read", "no-right", "the token of me may only read",
        "make one that may write, at https://huggingface.co/settings/tokens",
        token("hf_readread"), mends=right),
    Row("no right to write to the target", "no-right",
        "the token gives no right to write to other/taken",
        "use a token that may write there, name another target with --to, or take --pr",
        named("other/taken"), "--to other/taken", again=3),
    Row("no right in the namespace", "no-right", "me may make no repository under club",
        "name a target of your own or of your organisation with --to",
        lambda hub, patch: None, "--to club/model", again=3),
    Row("no right to write in place", "no-right", "the token gives no right to write to user/model",
        "use a token that may write there, name another target with --to, or take --pr",
        lambda hub, patch: None, "--in-place", again=3),
    Row("the right is taken away before the upload", "no-right",
        f"the token gives no right to write to {TARGET}: no longer",
        f"use a token that may write there, then {FINISH}",
        at("POST", "/preupload/", 403, message="no longer"), left=EMPTY),
]  # fmt: skip

TARGETS = [
    Row("the target holds another model", "target-taken",
        "me/other holds model.safetensors, which no repair of user/model wrote",
        "name another target with --to, or replace what is there: --delete model.safetensors",
        named("me/other"), "--to me/other", again=2),
    Row("the target is public, the source private", "target-public",
        f"{TARGET} is public, and the source is private",
        "make it private in its settings, or name another with --to",
        both(source(private=True, readers={"me"}),
             lambda hub, patch: hub.add(TARGET, {"README.md": b""})),
        left=EMPTY, mends=lambda hub, patch: setattr(hub.repos[TARGET], "private", True)),
    Row("the reference is private, the source is not", "target-public",
        "user/model is open to more people than org/base, whose values the repair holds",
        "push to a repository of your own: leave --pr and --in-place out",
        source("org/base", private=True, readers={"me"}), "--pr",
        mends=source("org/base", private=False), subject="delta"),
    Row("the target is public, the reference private", "target-public",
        f"{TARGET} is public, and org/base is private",
        "make it private in its settings, or name another with --to",
        both(source("org/base", private=True, readers={"me"}),
             lambda hub, patch: hub.add(TARGET, {"README.md": b""})),
        left=EMPTY, mends=lambda hub, patch: setattr(hub.repos[TARGET], "private", True),
        subject="delta"),
    Row("the source is gone", "visibility-unknown",
        "user/model can't be looked at: whether it is private is not known",
        "--private pushes to a private repository", gone("user/model"), again=3),
    Row("the target can't be gated", "target-not-gated",
        f"its source or reference is gated, and {TARGET} can't be",
        "push to a private repository: --private",
        both(source(gated="auto", readers={"me"}),
             at("PUT", "/settings", 200)), left=EMPTY),
    Row("gating is forbidden", "no-right",
        f"the token gives no right to write to {TARGET}: no gates here",
        f"use a token that may write there, then {FINISH}",
        both(source(gated="manual", readers={"me"}),
             at("PUT", "/settings", 403, message="no gates here")), left=EMPTY),
    Row("another program makes the target meanwhile", "hub-busy",
        f"another program is changing {TARGET}: You already created this model repo", FINISH,
        at("POST", "/repos/create", act=somebody_creates, times=1), left=EMPTY),
    Row("no repository can be made", "no-right",
        f"the token gives no right to write to {TARGET}: too many",
        f"use a token that may write there, then {FINISH}",
        at("POST", "/repos/create", 403, message="too many")),
    Row("the Hub fails while the repository is made", "hub-answer",
        f"the Hub answers 500 for {TARGET}: it went wrong", f"later, {FINISH}",
        at("POST", "/repos/create", 500)),
    Row("the answer to making the repository is lost", "connection-broke",
        f"the connection to the Hub broke during the push to {TARGET}: …", FINISH,
        at("POST", "/repos/create", lost=True, times=1), left=EMPTY),
    Row("the source was changed since the repair", "source-changed",
        "config.json of me/source was changed since this repair",
        "repair its newest commit, or push to a repository of your own",
        changed_since, "--in-place", again=3),
]  # fmt: skip

WIRE = [
    Row("the Hub can't be reached", "hub-unreachable",
        "the connection to the Hub broke during the push to user/model: …", FINISH, unreachable),
    Row("offline", "offline",
        "nothing can be pushed offline", f"unset HF_HUB_OFFLINE, then {FINISH}",
        offline),
    Row("too many requests at the door", "too-many-requests",
        "the Hub asks to wait 60 s: too many requests, and 300 s have passed",
        f"{THEN}; {FINISH}", at("GET", "whoami", 429, headers={"Retry-After": "60"})),
    Row("too many requests at the end", "too-many-requests",
        "the Hub asks for a pause for 9 s: too many requests", f"then {FINISH}",
        at("POST", "/commit/", 429, headers={"Retry-After": "9"}), left=EMPTY),
    Row("too many requests for a moment", "", "", "",
        at("POST", "/preupload/", 429, headers={"Retry-After": "1"}, times=2), left=WHOLE),
    Row("the Hub is down for a moment", "", "", "",
        at("POST|PUT", "/preupload/|/upload/|/batch", 503, times=3), left=WHOLE),
    Row("the Hub is slow", "", "", "", at(".*", ".*", delay=0.02), left=WHOLE),
    Row("the card can't be checked", "hub-answer",
        f"the Hub answers 503 for {TARGET}: it went wrong",
        f"later, {FINISH}", at("POST", "/validate-yaml", 503), left=EMPTY),
    Row("the Hub does not take the card", "card-refused",
        'the Hub does not take the card of user/model: "license" must be one of …',
        "correct the front matter of README.md in user/model, and repair that",
        strange_licence, mends=known_licence),
    Row("the Hub fails before the upload", "hub-answer",
        f"the Hub answers 500 for {TARGET}: it went wrong",
        f"later, {FINISH}", at("POST", "/preupload/", 500), left=EMPTY),
    Row("the store refuses a file", "file-refused",
        f"the Hub refuses a file for {TARGET}: …storage is full…",
        FINISH, setting("quota", 100), left=EMPTY, mends=setting("quota", None)),
    Row("the store is forbidden", "no-right",
        f"the token gives no right to write to {TARGET}: it went wrong",
        f"use a token that may write there, then {FINISH}",
        at("POST", "/objects/batch", 403), left=EMPTY),
    Row("the store fails", "hub-answer", f"the Hub answers 500 for {TARGET}: it went wrong",
        f"later, {FINISH}", at("PUT", "/upload/", 500), left=EMPTY),
    Row("the connection breaks in every upload", "connection-broke",
        f"the connection to the Hub broke during the push to {TARGET}: …", FINISH,
        at("PUT", "/upload/", cut=100), left=EMPTY),
    Row("the connection breaks in one upload", "", "", "",
        at("PUT", "/upload/", cut=100, times=1), left=WHOLE),
    Row("a file arrives damaged", "hub-answer",
        f"the Hub answers 400 for {TARGET}: the checksum does not match", f"later, {FINISH}",
        at("PUT", "/upload/", 400, message="the checksum does not match"), left=EMPTY),
    Row("the store lost a file", "hub-answer", f"the Hub answers 404 for {TARGET}: …",
        f"later, {FINISH}", at("POST", "/verify", 404), left=EMPTY),
]  # fmt: skip

COMMITS = [
    Row("another commit comes first", "newer-commit",
        f"{TARGET} got another commit in the meantime",
        f"look at what it changed, then {FINISH}",
        at("POST", "/commit/", act=somebody_commits, times=1), left=EMPTY),
    Row("the repository is busy", "hub-busy",
        f"another program is changing {TARGET}: it went wrong", FINISH,
        at("POST", "/commit/", 409), left=EMPTY),
    Row("the commit is forbidden", "no-right",
        f"the token gives no right to write to {TARGET}: it went wrong",
        f"use a token that may write there, then {FINISH}",
        at("POST", "/commit/", 403), left=EMPTY),
    Row("the Hub fails at the commit", "hub-answer",
        f"the Hub answers 500 for {TARGET}: it went wrong",
        f"later, {FINISH}", at("POST", "/commit/", 500), left=EMPTY),
    Row("the commit's answer is lost", "connection-broke",
        f"the connection to the Hub broke during the push to {TARGET}: …", FINISH,
        at("POST", "/commit/", lost=True, times=1), left=WHOLE),
    Row("the Hub fails after the commit", "hub-answer",
        f"the Hub answers 500 for {TARGET}: it went wrong",
        f"later, {FINISH}", at("GET", "/tree/", 500, skip=1), left=WHOLE),
    Row("a .gitignore there leaves a file out", "file-refused",
        f"{TARGET} does not hold tokenizer.json as it was sent",
        "look for a .gitignore in that repository, and push again",
        setting("ignored", ("tokenizer.json",)), left="all but that file",
        mends=setting("ignored", ())),
    Row("the answer about the pull request is lost", "connection-broke",
        "the connection to the Hub broke during the push to user/model: …", f"{FINISH} --pr",
        at("POST", "/commit/", lost=True, times=1), "--pr", left=WHOLE),
    Row("pull requests are switched off", "no-right",
        "the token gives no right to write to user/model: discussions are disabled",
        f"use a token that may write there, then {FINISH} --pr",
        at("GET", "/discussions", 403, message="discussions are disabled"), "--pr"),
    Row("this disk is full when the card gets its target", "disk-full",
        f"the push to {TARGET} needs room on this disk: No space left on device",
        f"free some, or set HF_HOME to another disk, then {FINISH}",
        patched("modelrepair.publishing.push.write_text", NO_SPACE)),
]  # fmt: skip

PULLS = [
    Row("the source is gated", "gated", "user/model is gated, and this account has no access",
        "accept its conditions at https://huggingface.co/user/model, then run: hf auth login",
        source(gated="auto"), mends=source(readers={"me"})),
    Row("the source is private", "no-such-repository",
        "there is no model user/model on the Hub, or it is private",
        "check the spelling; for a private model run: hf auth login",
        source(private=True), mends=source(readers={"me"})),
    Row("no such revision", "no-such-revision", "user/model has no revision 'v9'",
        "its branches and tags are at https://huggingface.co/user/model",
        lambda hub, patch: None, "--revision v9", again=3),
    Row("the token is refused", "token-refused", "the Hub refuses the token, for user/model",
        "run: hf auth login", token("hf_wrongwrong"), mends=right),
    Row("too many requests", "too-many-requests",
        "the Hub asks to wait 3600 s: too many requests", THEN,
        at("GET", "/api/models/", 429, headers={"Retry-After": "3600"})),
    Row("too many requests for a moment", "", "", "",
        at("GET", "/api/models/", 429, headers={"Retry-After": "37"}, times=2)),
    Row("the Hub fails", "hub-answer", "the Hub answers 500 for user/model: …", LATER,
        at("GET", "/api/models/", 500)),
    Row("the weights' store fails", "hub-answer", "the Hub answers 503 for user/model: …", LATER,
        at("GET", "/objects/", 503)),
    Row("the connection breaks in every download", "connection-broke",
        "the connection to the Hub broke while user/model was fetched: …",
        "run the same command again: files that are here whole are not fetched again",
        at("GET", "/objects/", cut=1000)),
    Row("the connection breaks in one download", "", "", "",
        at("GET", "/objects/", cut=1000, skip=2, times=1)),
    Row("the weights arrive damaged", "damaged-download",
        "model.safetensors of user/model arrived damaged: its checksum is not the Hub's",
        "run the same command again: it fetches the file again",
        at("GET", "/objects/", corrupt=True)),
    Row("this disk is full", "disk-full", "user/model can't be downloaded: No space left on device",
        "free disk space, or set HF_HOME to a folder that can be written",
        patched("huggingface_hub.file_download.http_get", NO_SPACE)),
    Row("offline, and the cache is empty", "not-in-cache",
        "the Hub can't be reached for user/model, and the cache does not hold it whole",
        "unset HF_HUB_OFFLINE once, so that it can be downloaded", offline),
]  # fmt: skip

PUSHES = {"Token and rights": TOKENS, "The target": TARGETS, "On the way": WIRE,
          "The commit": COMMITS}  # fmt: skip


def page() -> str:
    """The table for people."""
    parts = [
        "<!-- Written by `python -m tests.support.hub.table` from the table that "
        "the tests run. -->",
        "# Errors of the Hub",
        f"What `{PUSH}`, and a repair of `user/model`, say to what, with the "
        "[exit code](exit-codes.md), and what the Hub has of it then. The folder is never touched "
        "but for the card, which names its repository. A second run, after whatever the hint says, "
        "completes every row that can be completed. “…” is text that depends on the case; where "
        "nothing is said, the client tries again and all goes well. What each id means is in the "
        "[error reference](errors.md).",
    ]
    for title, rows in {**PUSHES, "Fetching a source": PULLS}.items():
        pulls = title == "Fetching a source"
        heads = ["what", "id", "code", "error", "hint"] + ([] if pulls else ["on the Hub"])
        table = [" | ".join(["", *heads, ""]).strip(), "| --- " * len(heads) + "|"]
        for row in rows:
            cells = [
                row.what,
                linked(row.id, "errors.md"),
                str(row.code),
                row.line or "–",
                row.hint or "–",
            ]
            cells += [] if pulls else [row.left]
            table.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
        parts += [f"## {title}", "\n".join(table)]
    return "\n\n".join(parts) + "\n"


def said(document: str) -> dict[str, object]:
    """The error of a JSON document."""
    return json.loads(document)["error"]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
