"""Who may see and change what on the test Hub."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.hub.answers import Failure
from tests.support.hub.state import Commit, Repo

if TYPE_CHECKING:
    from tests.support.hub.server import Request


def find(request: Request, id: str) -> Repo:
    """A repository that this account may know of."""
    repo = request.hub.repos.get(id)
    if repo is None or (repo.private and not _member(request, repo)):
        raise Failure("RepoNotFound")
    return repo


def opened(request: Request, id: str) -> Repo:
    """A repository whose files this account may have."""
    repo = find(request, id)
    name = request.account.name if request.account else None
    if repo.gated and name not in repo.readers and not _member(request, repo):
        raise Failure("GatedRepo")
    return repo


def writable(request: Request, id: str) -> Repo:
    """A repository that this token may change."""
    repo = find(request, id)
    if not may_write(request, id):
        raise Failure(403, "Forbidden: you must use a write token to upload to a repository.")
    return repo


def may_write(request: Request, on: str) -> bool:
    """Whether the token may write, and the account, to a repository or in a namespace."""
    account = request.account
    if account is None or not account.holds("repo.write", on):
        return False
    namespace, roles = on.partition("/")[0], dict(account.orgs)
    if dict(account.unmet).get(namespace):
        return False
    return namespace == account.name or roles.get(namespace) in ("write", "admin", "contributor")


def may_propose(request: Request, id: str) -> bool:
    """Whether the token may open a pull request."""
    account = request.account
    return account is not None and (
        account.holds("discussion.write", id) or account.holds("repo.write", id)
    )


def commit(repo: Repo, revision: str) -> Commit:
    """The commit that a revision names."""
    id = repo.refs.get(revision or "main", revision)
    if id not in repo.commits:
        raise Failure("RevisionNotFound")
    return repo.commits[id]


def _member(request: Request, repo: Repo) -> bool:
    account, namespace = request.account, repo.id.partition("/")[0]
    return account is not None and (
        namespace == account.name or namespace in dict(account.orgs) or account.name in repo.readers
    )
