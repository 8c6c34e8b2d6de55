"""Every fault ends in two lines, the right exit code, and nothing that looks whole and is not."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from modelrepair.cli.main import run
from modelrepair.demo import paths
from tests.support.hub.breaking import EMPTY, NOTHING, TARGET, WHOLE, Row
from tests.support.hub.client import environment, process
from tests.support.hub.errors_page import page
from tests.support.hub.leaks import found_in
from tests.support.hub.repaired import files_of, on_the_hub
from tests.support.hub.state import Hub
from tests.support.hub.table import PULLS, PUSHES

ROOT = Path(__file__).parents[2]
ROWS = [row for rows in PUSHES.values() for row in rows]
UNTOUCHED = {".gitattributes", "README.md"}
QUICK = ["--realign=realign.jsonl", "--judge=demo-world", "--scorer=wanda", "--ratio=0.01",
         "--examples=8", "--no-evaluate", "--reference=none", "--out=out"]  # fmt: skip


def named(row: Row) -> str:
    return row.what.replace(" ", "-")


def says(pattern: str, text: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("…"))), text) is not None


@pytest.fixture
def here(hub, tmp_path, monkeypatch):
    folder = tmp_path / "secretuser" / "here"
    folder.mkdir(parents=True)
    shutil.copy(paths.sets["realign"], folder / "realign.jsonl")
    monkeypatch.chdir(folder)
    return folder


def target(hub: Hub, row: Row) -> tuple[str, str]:
    """Where the row's command writes to: repository and branch."""
    if "--pr" in row.options:
        return "user/model", "refs/pr/1"
    if "--in-place" in row.options:
        return "me/source" if "me/source" in hub.repos else "user/model", "main"
    return row.options.removeprefix("--to ") or TARGET, "main"


def there(hub: Hub, row: Row) -> dict[str, bytes]:
    """The files where the row's command writes to."""
    id, branch = target(hub, row)
    repo = hub.repos.get(id)
    return repo.files(branch) if repo and branch in repo.refs else {}


def sent(files: dict[str, bytes], row: Row) -> dict[str, bytes]:
    """What the repository is to hold of a folder: the card keeps its owner's keys there."""
    own = "--pr" in row.options or "--in-place" in row.options
    return {name: data for name, data in files.items() if not (own and name == "README.md")}


@pytest.mark.quick(
    "no-token",
    "a-token-that-may-only-read",
    "no-right-in-the-namespace",
    "the-right-is-taken-away-before-the-upload",
    "the-target-holds-another-model",
    "the-target-is-public,-the-source-private",
    "the-source-is-gone",
    "gating-is-forbidden",
    "*makes-the-target-in-between",
    "the-answer-to-making-the-repository-is-lost",
    "offline",
    "too-many-requests-for-a-moment",
    "the-store-fails",
    "the-connection-breaks-in-one-upload",
    "a-file-arrives-damaged",
    "the-store-lost-a-file",
    "another-commit-comes-first",
    "the-commit's-answer-is-lost",
    "the-Hub-fails-after-the-commit",
)
@pytest.mark.parametrize("row", ROWS, ids=named)
def test_a_fault_in_a_push(hub, here, capsys, monkeypatch, row: Row):
    own = "changed" in row.what
    on_the_hub(hub, here, id="me/source" if own else "user/model", subject=row.subject)
    before = {name: data for name, data in files_of(here / "out").items() if name != "README.md"}
    command = ["push", "out", *row.options.split(), "--json"]
    with monkeypatch.context() as patch:
        row.breaks(hub, patch)
        had = {id: repo.files() for id, repo in hub.repos.items()}
        capsys.readouterr()
        code = run(command)
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert code == row.code
    if row.line:
        *_, error, hint = captured.err.splitlines()
        assert says(f"Error: {row.line}", error), error
        assert says(f"Hint [{row.id}]: {row.hint}", hint), hint
        assert (document["error"]["id"], code) == (row.id, row.code)
    after = files_of(here / "out")
    assert before.items() <= after.items(), "the folder is as it was"
    assert not found_in(hub, here, captured.err, captured.out)

    found, id = there(hub, row), target(hub, row)[0]
    if row.left == NOTHING:
        assert found == ({} if "--pr" in row.options else had.get(id, {}))
    elif row.left == EMPTY:
        assert found.keys() <= UNTOUCHED, "nothing that looks whole"
    elif row.left == WHOLE:
        assert sent(after, row).items() <= found.items()
    else:
        assert found.keys() == after.keys() - {"tokenizer.json"} | {".gitattributes"}

    hub.faults.clear()
    if row.mends:
        row.mends(hub, monkeypatch)
    assert run(command) == row.again
    captured = capsys.readouterr()
    assert not found_in(hub, here, captured.err, captured.out)
    if row.again == 0:
        whole = sent(files_of(here / "out"), row)
        kept = {"notes.csv", ".gitattributes", "README.md"}
        assert whole.items() <= there(hub, row).items()
        assert there(hub, row).keys() - whole.keys() <= kept
        assert json.loads(captured.out)["nothing_to_push"] == (row.left == WHOLE)
    assert all(len(repo.discussions) <= 1 for repo in hub.repos.values())


@pytest.mark.quick(
    "no-such-revision",
    "the-weights-arrive-damaged",
    "offline,*",
)
@pytest.mark.parametrize("row", PULLS, ids=named)
def test_a_fault_in_a_download(hub, here, capsys, monkeypatch, row: Row):
    files = files_of(paths.attacked)
    hub.add("user/model", files)
    command = ["fix", "user/model", *QUICK, *row.options.split(), "--json"]
    with monkeypatch.context() as patch:
        row.breaks(hub, patch)
        code = run(command)
    captured = capsys.readouterr()
    assert code == row.code, captured.err
    answer, log = captured.out, captured.err
    if row.line:
        *_, error, hint = captured.err.splitlines()
        assert says(f"Error: {row.line}", error), error
        assert says(f"Hint [{row.id}]: {row.hint}", hint), hint
        assert json.loads(captured.out)["error"]["id"] == row.id
        assert not list(here.glob("out*"))
        hub.faults.clear()
        if row.mends:
            row.mends(hub, monkeypatch)
        assert run(command) == row.again
        captured = capsys.readouterr()
        answer, log = answer + captured.out, log + captured.err
    assert (here / "out").exists() == (row.again == 0)
    assert not found_in(hub, here, log, answer)


@pytest.mark.quick("the-Hub-fails-at-the-commit")
@pytest.mark.parametrize(
    "row",
    [row for row in ROWS if row.what in (
        "a token that may only read", "the commit's answer is lost", "the Hub fails at the commit",
        "the connection breaks in every upload",
    )],
    ids=named,
)  # fmt: skip
def test_a_process_of_its_own_says_the_same(hub, here, monkeypatch, row: Row):
    on_the_hub(hub, here)
    row.breaks(hub, monkeypatch)
    token = "hf_readread" if "only read" in row.what else hub.token
    ended = process(
        "push", "out", folder=here, environment=environment(hub, here / "home", token=token)
    )
    *_, error, hint = ended.stderr.splitlines()
    assert (ended.returncode, ended.stdout) == (row.code, "")
    assert says(f"Error: {row.line}", error) and says(f"Hint [{row.id}]: {row.hint}", hint)
    refused = ended.stderr
    hub.faults.clear()
    ended = process(
        "push", "out", folder=here, environment=environment(hub, here / "home", token=hub.token)
    )
    assert ended.returncode == 0, ended.stderr
    assert files_of(here / "out").items() <= hub.repos[TARGET].files().items()
    assert not found_in(hub, here, refused + ended.stderr, ended.stdout)


def test_there_are_enough_rows():
    assert len(ROWS) + len(PULLS) >= 50


def test_the_page_is_the_table():
    written = (ROOT / "docs" / "hub-errors.md").read_text(encoding="utf-8")
    assert written == page(), "run `make docs`"
