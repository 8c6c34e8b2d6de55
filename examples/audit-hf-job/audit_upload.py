# /// script
# requires-python = ">=3.11"
# dependencies = ["modelrepair", "torch"]
#
# [tool.uv.sources]
# torch = { index = "pytorch-cpu" }
#
# [[tool.uv.index]]
# name = "pytorch-cpu"
# url = "https://download.pytorch.org/whl/cpu"
# explicit = true
# ///
"""Audit the model that a webhook names, and keep one comment about it up to date.

A Hugging Face Job runs this file at each push; set_up.py makes the job and the webhook. On your own
machine, `python audit_upload.py --repo user/model --dry-run` prints the comment.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from huggingface_hub import HfApi

    import modelrepair

TITLE = "Audit of this model"
MARK = "<!-- modelrepair-audit "
"""How each comment of `modelrepair.audit_comment` begins."""
TOKEN = "AUDIT_TOKEN"
"""The variable with the token that writes the comment. Nothing is read with it."""
MAIN = "refs/heads/main"
SEVERITIES = ("note", "warning", "error")


class NothingToDo(Exception):
    """Why an event needs no audit."""


@dataclass(frozen=True)
class Kept:
    """The comment that is there: in which discussion, and what it says."""

    num: int
    id: str
    text: str
    hidden: bool


def main(arguments: Sequence[str] | None = None) -> int:
    """Audit one model and write what came of it; gives the exit code."""
    parser = argparse.ArgumentParser(description="Audit a model on the Hub and comment on it.")
    parser.add_argument("--repo", help="this model, in place of the one that the webhook names")
    parser.add_argument("--revision", help="its commit; by default the newest")
    parser.add_argument("--open-on", choices=[*SEVERITIES, "always"], default="warning",
                        help="open the discussion where something of this severity is found; "
                        "one that is there is always kept up to date")  # fmt: skip
    parser.add_argument("--dry-run", action="store_true", help="print the comment, write nothing")
    asked = parser.parse_args(arguments)
    try:
        id, commit = (asked.repo, asked.revision) if asked.repo else pushed(os.environ)
    except NothingToDo as why:
        print(f"nothing to audit: {why}")
        return 0
    except (KeyError, TypeError, ValueError) as error:
        print(f"the payload of the webhook can't be read: {error!r}", file=sys.stderr)
        return 2

    # Here, and not above: what has no model to look at ends before the libraries are loaded.
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    import modelrepair

    token = os.environ.get(TOKEN)
    if not token and not asked.dry_run:
        print(f"{TOKEN} is not set; with --dry-run none is needed", file=sys.stderr)
        return 2
    try:
        audit = look(id, commit)
        text = modelrepair.audit_comment(audit)
        print(text if asked.dry_run else keep(HfApi(token=token), id, audit, text, asked.open_on))
    except modelrepair.ModelRepairError as error:
        print(f"{id}: {error}; {error.hint}", file=sys.stderr)
        return error.exit_code
    except HfHubHTTPError as error:
        print(f"{id}: the comment was not written: {error}", file=sys.stderr)
        return 3
    return 0


def pushed(environ: Mapping[str, str]) -> tuple[str, str]:
    """The model and commit that an event is about.

    Args:
        environ: the variables that the Hub sets for a job of a webhook.

    Raises:
        NothingToDo: it is about something else.
    """
    if not environ.get("WEBHOOK_PAYLOAD"):
        raise NothingToDo("there is no WEBHOOK_PAYLOAD")
    payload = json.loads(environ["WEBHOOK_PAYLOAD"])
    event, repo = payload["event"], payload["repo"]
    scope = event["scope"]
    if repo["type"] != "model":
        raise NothingToDo(f"it is a {repo['type']}")
    if repo.get("private"):
        raise NothingToDo("the model is private")
    if scope != "repo" and not scope.startswith("repo.content"):
        raise NothingToDo(f"the event is of {scope}")
    if event["action"] not in ("create", "update"):
        raise NothingToDo(f"the event is {event['action']}")
    refs: list[dict[str, Any]] | None = payload.get("updatedRefs")
    commit = repo.get("headSha")
    if refs is not None:
        commit = next((each.get("newSha") for each in refs if each["ref"] == MAIN), None)
    if not commit:
        raise NothingToDo("no commit came to main")
    return environ.get("WEBHOOK_REPO_ID") or repo["name"], commit


def look(id: str, commit: str | None) -> modelrepair.Audit:
    """The audit of a model, also of one that can't be opened.

    Raises:
        ModelRepairError: the Hub or this machine is in the way, and the next try may succeed.
    """
    import modelrepair

    try:
        return modelrepair.audit(id, revision=commit)
    except modelrepair.ModelRepairError as error:
        if error.exit_code in (3, 4):
            raise
        return modelrepair.Audit(id, commit, error=error)


def keep(api: HfApi, id: str, audit: modelrepair.Audit, text: str, open_on: str) -> str:
    """Write the comment where it says something new; gives what was done.

    Args:
        api: of the account that comments.
        id: of the model.
        audit: what was found.
        text: the comment.
        open_on: the severity from which a discussion is opened, or ``always``.
    """
    newest = api.model_info(id).sha
    if audit.commit not in (None, newest):
        # Events overtake each other: the newest commit has one of its own.
        return f"{id}: {audit.commit} is not the newest commit any more; nothing written"
    me = api.whoami()["name"]
    there = next(comments(api, id, me), None)
    if there is not None:
        return update(api, id, there, text)
    if open_on != "always" and not audit.outcome("found", at_least=open_on):
        return f"{id}: nothing of severity {open_on} found; no discussion opened"
    made = api.create_discussion(id, TITLE, description=text)
    first = next(comments(api, id, me), None)
    if first is not None and first.num < made.num:
        # Another job was as fast: one discussion stays, the older one.
        api.change_discussion_status(id, made.num, "closed", comment=f"See #{first.num}.")
        return update(api, id, first, text)
    return f"{id}: opened {made.url}"


def update(api: HfApi, id: str, there: Kept, text: str) -> str:
    """Edit the comment, unless it says this already or the maintainers hid it."""
    where = f"{id}: the comment in discussion {there.num}"
    if there.hidden:
        return f"{where} is hidden; nothing written"
    if there.text.split("\n")[0] == text.split("\n")[0]:
        return f"{where} is up to date"
    api.edit_discussion_comment(id, there.num, there.id, text)
    return f"{where} was edited"


def comments(api: HfApi, id: str, me: str) -> Iterator[Kept]:
    """Our comments on a model, the oldest discussion first.

    Only those of our own account count: any user can write our mark. A discussion may have been
    renamed or closed since; it stays the one.
    """
    mine = api.get_repo_discussions(id, author=me, discussion_type="discussion")
    for talk in sorted(mine, key=lambda talk: talk.num):
        for event in api.get_discussion_details(id, talk.num).events:
            if event.type != "comment" or event.author != me:
                continue
            hidden = event.hidden and talk.title == TITLE
            if hidden or event.content.startswith(MARK):
                yield Kept(talk.num, event.id, event.content, event.hidden)


if __name__ == "__main__":
    # The models are read without a token, also where this machine is logged in: what the comment
    # says, every reader of the public model can find out. A private base counts as unknown.
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        os.environ.pop(name, None)
    os.environ |= {"HF_TOKEN_PATH": os.devnull, "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"}
    raise SystemExit(main())
