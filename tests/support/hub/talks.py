"""Discussions and pull requests of the test Hub: list, open, comment, edit, merge, close."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.hub.access import find, may_propose, may_write, opened, writable
from tests.support.hub.answers import Answer, Failure
from tests.support.hub.reading import DATE, MODEL
from tests.support.hub.state import Comment, Discussion, Repo

if TYPE_CHECKING:
    from tests.support.hub.server import Request


def target(request: Request, id: str) -> Repo:
    """A repository to which this token may at least open a pull request."""
    if request.account is None:
        find(request, id)
        raise Failure(401, "Invalid username or password.")
    repo = opened(request, id)
    if not may_propose(request, id):
        raise Failure(403, "Forbidden: you must use a write token.")
    return repo


def start(repo: Repo, request: Request, title: str, description: str) -> Discussion:
    """Open a discussion."""
    talk = Discussion(len(repo.discussions) + 1, title, description, request.account.name)
    repo.discussions.append(talk)
    return talk


def discussions(request: Request, id: str) -> Answer:
    repo, asked = opened(request, id), request.query
    kinds = {"pull_request": (True,), "discussion": (False,)}.get(asked.get("type"), (True, False))
    chosen = [
        talk
        for talk in repo.discussions
        if asked.get("author") in (None, talk.author)
        and asked.get("status") in (None, "all", talk.status)
        and talk.pull_request in kinds
    ]
    first = int(asked.get("p", 0)) * request.hub.page
    shown = [_listed(repo, talk) for talk in chosen[first : first + request.hub.page]]
    return Answer.of({"discussions": shown, "count": len(chosen), "start": first})


def discussion(request: Request, id: str, num: str) -> Answer:
    repo = opened(request, id)
    talk = _talk(repo, num)
    shown = {
        **_listed(repo, talk),
        "filesWithConflicts": [],
        "events": [_event(each) for each in talk.comments],
        "diff": "",
    }
    return Answer.of(
        shown | ({"changes": {"base": "refs/heads/main"}} if talk.pull_request else {})
    )


def open_discussion(request: Request, id: str) -> Answer:
    repo, asked = target(request, id), request.json()
    talk = start(repo, request, asked["title"], asked.get("description", ""))
    talk.pull_request = bool(asked.get("pullRequest"))
    if talk.pull_request:
        talk.status = "draft"
        repo.refs[f"refs/pr/{talk.num}"] = repo.head
    return Answer.of({"num": talk.num})


def comment(request: Request, id: str, num: str) -> Answer:
    talk = _talk(target(request, id), num)
    return Answer.of({"newMessage": _event(_by(request, talk, request.json()["comment"]))})


def edit(request: Request, id: str, num: str, comment: str) -> Answer:
    talk = _talk(target(request, id), num)
    found = next((each for each in talk.comments if each.id == comment), None)
    if found is None:
        raise Failure("EntryNotFound")
    if found.author != request.account.name:
        raise Failure(403, "Forbidden: this comment is another user's.")
    found.text, found.edits = request.json()["content"], found.edits + 1
    if found is talk.comments[0]:
        talk.description = found.text
    return Answer.of({"updatedComment": _event(found)})


def merge(request: Request, id: str, num: str) -> Answer:
    repo = writable(request, id)
    talk = _talk(repo, num)
    repo.refs["main"], talk.status = repo.refs[f"refs/pr/{num}"], "merged"
    return Answer.of({})


def set_status(request: Request, id: str, num: str) -> Answer:
    talk = _talk(target(request, id), num)
    if talk.author != request.account.name and not may_write(request, id):
        raise Failure(403, "Forbidden: this discussion is another user's.")
    asked = request.json()
    talk.status = asked["status"]
    if asked.get("comment"):
        _by(request, talk, asked["comment"])
    event = {"id": "1", "type": "status-change", "createdAt": DATE,
             "author": {"name": talk.author}, "data": {"status": talk.status}}  # fmt: skip
    return Answer.of({"newStatus": event})


def _by(request: Request, talk: Discussion, text: str) -> Comment:
    return talk.comment(request.account.name, text)


def _talk(repo: Repo, num: str) -> Discussion:
    if not 0 < int(num) <= len(repo.discussions):
        raise Failure("EntryNotFound")
    return repo.discussions[int(num) - 1]


def _listed(repo: Repo, talk: Discussion) -> dict[str, object]:
    """A discussion as the client reads it in a list."""
    return {
        "num": talk.num,
        "title": talk.title,
        "status": talk.status,
        "createdAt": DATE,
        "isPullRequest": talk.pull_request,
        "repo": {"name": repo.id, "type": "model"},
        "author": {"name": talk.author},
    }


def _event(comment: Comment) -> dict[str, object]:
    """A comment as the client reads it."""
    author = {"name": comment.author}
    latest = {"raw": comment.text, "html": "", "updatedAt": DATE, "author": author}
    data = {"edited": bool(comment.edits), "hidden": comment.hidden, "latest": latest,
            "history": [], "numEdits": comment.edits}  # fmt: skip
    return {"id": comment.id, "type": "comment", "createdAt": DATE, "author": author, "data": data}


NUM = "(?P<num>[0-9]+)"
ROUTES = [
    ("GET", f"{MODEL}/discussions", discussions),
    ("GET", f"{MODEL}/discussions/{NUM}", discussion),
    ("POST", f"{MODEL}/discussions", open_discussion),
    ("POST", f"{MODEL}/discussions/{NUM}/comment", comment),
    ("POST", f"{MODEL}/discussions/{NUM}/comment/(?P<comment>[0-9a-f]+)/edit", edit),
    ("POST", f"{MODEL}/discussions/{NUM}/merge", merge),
    ("POST", f"{MODEL}/discussions/{NUM}/status", set_status),
]
