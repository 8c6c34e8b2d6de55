"""What the test Hub holds: accounts, repositories, commits, branches, pull requests, objects."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.hub.faults import Fault
from tests.support.hub.made import Made

LARGE = (".safetensors", ".bin", ".pt", ".gguf", ".h5", ".msgpack", ".onnx", ".pkl", ".model")
ATTRIBUTES = "".join(f"*{end} filter=lfs diff=lfs merge=lfs -text\n" for end in LARGE).encode()
LARGEST_TEXT = 10 * 2**20


@dataclass(frozen=True)
class Blob:
    """One file's bytes; ``large`` where git holds a pointer only, ``xet`` its hash in Xet."""

    data: bytes
    large: bool = False
    xet: str | None = None

    @property
    def sha256(self) -> str:
        if isinstance(self.data, Made):
            return self.data.sha256
        return hashlib.sha256(self.data).hexdigest()

    @property
    def pointer(self) -> bytes:
        head = "version https://git-lfs.github.com/spec/v1\n"
        return f"{head}oid sha256:{self.sha256}\nsize {len(self.data)}\n".encode()

    @property
    def oid(self) -> str:
        """The name that git gives to the blob: of a large file, its pointer's."""
        return git_oid(self.pointer if self.large else self.data)


@dataclass(frozen=True)
class Commit:
    """Files by path, and what the commit says."""

    id: str
    files: dict[str, Blob]
    title: str
    description: str = ""
    parent: str | None = None
    author: str = "someone"


@dataclass
class Comment:
    """What a user wrote in a discussion; ``id`` is hexadecimal, as the Hub's are."""

    id: str
    author: str
    text: str
    edits: int = 0
    hidden: bool = False


@dataclass
class Discussion:
    """A pull request, or a mere talk. Its description is the text of its first comment."""

    num: int
    title: str
    description: str
    author: str
    status: str = "open"
    pull_request: bool = True
    comments: list[Comment] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.comment(self.author, self.description)

    def comment(self, author: str, text: str) -> Comment:
        """Add a comment."""
        id = hashlib.sha1(f"{self.num} {len(self.comments)}".encode()).hexdigest()[:24]
        self.comments.append(Comment(id, author, text))
        return self.comments[-1]


@dataclass
class Repo:
    """A repository; ``refs`` are its branches and pull requests by name."""

    id: str
    private: bool = False
    gated: str | bool = False
    refs: dict[str, str] = field(default_factory=dict)
    commits: dict[str, Commit] = field(default_factory=dict)
    discussions: list[Discussion] = field(default_factory=list)
    readers: set[str] = field(default_factory=set)
    infected: bool = False
    kind: str = "models or datasets"

    @property
    def head(self) -> str:
        return self.refs["main"]

    def files(self, revision: str = "main") -> dict[str, bytes]:
        """Every file's bytes by its path."""
        commit = self.commits[self.refs.get(revision, revision)]
        return {path: blob.data for path, blob in commit.files.items()}

    def commit(self, revision: str = "main") -> Commit:
        """The commit that a branch, pull request or hash stands for."""
        return self.commits[self.refs.get(revision, revision)]


@dataclass(frozen=True)
class Account:
    """Who a token stands for, and what it may do.

    ``scopes`` are the rights of a fine-grained token: what they are on, ``"user me"``, ``"model
    me/m"`` or ``"global"``, and which; ``unmet`` what organisations still ask for; ``more`` is
    reported of the token besides.
    """

    name: str
    role: str = "write"
    orgs: tuple[tuple[str, str], ...] = ()
    scopes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    unmet: tuple[tuple[str, tuple[str, ...]], ...] = ()
    expired: bool = False
    more: tuple[tuple[str, object], ...] = ()

    def whoami(self) -> dict[str, object]:
        """The answer to whoami."""
        orgs: list[dict[str, object]] = [
            {"type": "org", "name": name, "roleInOrg": role} for name, role in self.orgs
        ]
        for org in orgs:
            if unmet := dict(self.unmet).get(str(org["name"])):
                org["securityRestrictions"] = list(unmet)
        token: dict[str, object] = {"displayName": "a token", "role": self.role}
        if self.role == "fineGrained":
            scoped = [(*on.split(" "), list(rights)) for on, rights in self.scopes if " " in on]
            token["fineGrained"] = {
                "canReadGatedRepos": False,
                "global": list(dict(self.scopes).get("global", ())),
                "scoped": [
                    {"entity": {"_id": "0", "type": kind, "name": name}, "permissions": rights}
                    for kind, name, rights in scoped
                ],
            }
        auth = {"type": "access_token", "accessToken": {**token, **dict(self.more)}}
        return {"type": "user", "name": self.name, "orgs": orgs, "auth": auth}

    def holds(self, right: str, id: str) -> bool:
        """Whether the token gives a right on a repository, or in a namespace."""
        if self.role != "fineGrained":
            return self.role == "write"
        places = {"global", f"user {id.partition('/')[0]}", f"org {id.partition('/')[0]}"}
        return any(right in rights for on, rights in self.scopes if on in {*places, f"model {id}"})


@dataclass
class Hub:
    """Everything behind the server, how it is reached, and every request as (method, path).

    ``status`` answers every request with this error, ``xet`` serves files of Xet as such,
    ``part`` is the size from which an upload comes in parts, ``page`` the entries of a page,
    ``ignored`` what a .gitignore leaves out, ``quota`` the largest file that the store takes,
    ``received`` the bytes of all bodies that arrived, ``sent`` those that were read, by path,
    ``renamed`` the new id of repositories that were called otherwise before, ``jobs`` and
    ``webhooks`` what was asked of the Hub's own machines, with the secrets.
    """

    url: str = ""
    cdn: str = ""
    repos: dict[str, Repo] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    xet_hashes: dict[str, str] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    tokens_seen: list[tuple[str, str | None]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    received: int = 0
    sent: Counter[str] = field(default_factory=Counter)
    token: str = "hf_rightright"
    status: int | None = None
    xet_folder: Path | None = None
    part: int | None = None
    page: int = 1000
    ignored: tuple[str, ...] = ()
    renamed: dict[str, str] = field(default_factory=dict)
    quota: int | None = None
    jobs: list[dict] = field(default_factory=list)
    webhooks: list[dict] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self.accounts[self.token] = Account("me", "write", (("team", "write"), ("club", "read")))

    def add(
        self,
        id: str,
        files: dict[str, bytes],
        *,
        gated: str | bool = False,
        private: bool = False,
        **more: bool | str,
    ) -> str:
        """Commit exactly these files to main, without any request; gives the commit."""
        known = self.repos.get(id)
        repo = known or Repo(id)
        repo.gated, repo.private = "auto" if gated is True else gated, private
        repo.infected = bool(more.get("infected", repo.infected))
        repo.kind = str(more.get("kind", repo.kind))
        if private:
            repo.readers.add("me")
        blobs = {path: self.blob(path, data) for path, data in files.items()}
        self.repos[id] = repo
        return self.write(repo, "main", blobs, "Upload", author=id.partition("/")[0])

    def blob(self, path: str, data: bytes) -> Blob:
        """A file as the Hub would keep it."""
        blob = Blob(data, large=is_large(path, len(data), data[:512]))
        if blob.large:
            self.objects[blob.sha256] = data
        return blob

    def write(
        self,
        repo: Repo,
        ref: str,
        files: dict[str, Blob],
        title: str,
        description: str = "",
        author: str = "someone",
        parent: str | None = None,
    ) -> str:
        """One commit on a branch or pull request."""
        parent = parent or repo.refs.get(ref)
        names = json.dumps({path: blob.oid for path, blob in sorted(files.items())})
        text = "\n".join([repo.id, ref, names, str(parent), title, description])
        id = hashlib.sha1(text.encode()).hexdigest()
        repo.commits[id] = Commit(id, dict(files), title, description, parent, author)
        repo.refs[ref] = id
        return id

    def fail(self, method: str, path: str, status: int | None = None, **more: object) -> Fault:
        """Go wrong at requests whose path matches; see `Fault`."""
        fault = Fault(method, path, status, **more)  # type: ignore[arg-type]
        self.faults.append(fault)
        return fault


def git_oid(data: bytes) -> str:
    """The name of a blob in git."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def is_large(path: str, size: int, sample: bytes) -> bool:
    """Whether a file goes to the large file storage."""
    return path.endswith(LARGE) or size > LARGEST_TEXT or (b"\0" in sample and size > 0)
