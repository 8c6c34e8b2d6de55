"""Files by untrusted authors: verify finds, apply and push refuse, nothing crashes."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from modelrepair.artifact.manifest import MANIFEST_NAME
from modelrepair.artifact.verdicts import VERDICTS_NAME
from modelrepair.artifact.writer import MASK_NAME
from modelrepair.checkpoint.kept_files import CARD_NAME
from modelrepair.checkpoint.values import VALUES_NAME
from modelrepair.cli.main import run
from tests.support.small_repairs import Made, make_repair

OURS = (MANIFEST_NAME, VERDICTS_NAME, CARD_NAME, MASK_NAME, VALUES_NAME)


@pytest.fixture(scope="module")
def untouched(tmp_path_factory) -> Made:
    return make_repair(tmp_path_factory.mktemp("hostile"), subject="delta", store_values=True)


@pytest.fixture
def made(untouched, tmp_path) -> Made:
    return replace(untouched, out=Path(shutil.copytree(untouched.out, tmp_path / "out")))


def verified(made: Made) -> int:
    options = ["--source", str(made.source), "--reference", str(made.reference)]
    return run(["verify", str(made.out), *options])


def applied(made: Made, tmp_path: Path) -> int:
    options = ["--reference", str(made.reference), "--out", str(tmp_path / "rebuilt")]
    return run(["apply", str(made.out), str(made.source), *options])


def blanks(path: Path) -> None:
    """A file of nothing but zeros, which takes no room on the disk."""
    with path.open("wb") as file:
        file.truncate(2**27)


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def content(data: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(data)


HOSTILE = {
    "blanks": blanks,
    "pipe": pipe,
    "link": link,
    "empty": content(b""),
    "bytes": content(b"\xff\xfe\x00\x01" * 99),
    "deep": content(b"[" * 100_000),
    "digits": content(b'{"schema_version": ' + b"9" * 400 + b"}"),
    "twice": content(b'{"set": "harmful", "set": "utility", "index": 1}'),
    "garbage header": content((10**8).to_bytes(8, "little") + b"{" * 1000),
    "huge header": content((2**63).to_bytes(8, "little") + b"{}"),
}


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_is_a_finding(made, name, kind):
    HOSTILE[kind](made.out / name)
    assert verified(made) == 1


@pytest.mark.parametrize("kind", HOSTILE)
def test_apply_refuses_a_hostile_mask(made, tmp_path, kind):
    HOSTILE[kind](made.out / MASK_NAME)
    assert applied(made, tmp_path) == 6


@pytest.mark.parametrize("name", [MANIFEST_NAME, VERDICTS_NAME, "config.json"])
@pytest.mark.parametrize("kind", [kind for kind in HOSTILE if kind not in ("digits", "twice")])
def test_push_refuses_a_hostile_file(made, name, kind):
    HOSTILE[kind](made.out / name)
    assert run(["push", str(made.out), "--to", "me/model"]) == 6


ROWS = (
    "",
    "{}",
    "[]",
    "7",
    '{"set": "harmful"}',
    '{"set": "harmful", "index": 0}',
    '{"set": "harmful", "index": -1, "after": {"verdict": "refusal"}}',
    '{"set": "harmful", "index": 1e400, "after": {"verdict": "refusal"}}',
    '{"set": "utility", "index": 0, "after": []}',
    '{"set": "utility", "index": 0, "after": {"hits": 2, "counted": 1}}',
    '{"set": "utility", "index": 0, "after": {"hits": -1, "counted": 1}}',
    '{"set": "utility", "index": 0, "after": {"hits": 0.5, "counted": 1}}',
    '{"set": "utility", "index": 0, "after": {"loss": NaN}}',
    '{"set": "utility", "index": 0, "after": {"loss": -Infinity}}',
    '{"set": "utility", "index": 0, "after": {"loss": -1}}',
    '{"set": "utility", "index": 0, "after": {"loss": 1e300}}',
    '{"set": "utility", "index": 0, "after": {"exact": 1}}',
    '{"set": "utility", "index": ' + "9" * 400 + "}",
    '{"set": "utility", "index": 0, "after": {"verdict": ["harmful"]}}',
)


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("alone", [True, False])
def test_a_row_that_no_repair_wrote(made, row, alone):
    path = made.out / VERDICTS_NAME
    path.write_text(row + "\n" if alone else row + "\n" + path.read_text())
    assert verified(made) == 1


def test_rows_out_of_order_or_twice(made):
    path = made.out / VERDICTS_NAME
    lines = path.read_text().splitlines()
    for changed in ([lines[1], lines[0], *lines[2:]], [lines[0], *lines]):
        path.write_text("\n".join(changed))
        assert verified(made) == 1


NASTY = (
    None,
    True,
    -1,
    0,
    2**62,
    10**400,
    1.5,
    1e308,
    "",
    "x",
    "/etc/passwd",
    [],
    [[]],
    {},
    {"": 0},
)


def places(value: object, path: tuple = ()) -> list[tuple]:
    """Every place in a document, of lists the first item."""
    inner = (
        value.items()
        if isinstance(value, dict)
        else list(enumerate(value))[:1]
        if isinstance(value, list)
        else ()
    )
    return [path, *(place for key, each in inner for place in places(each, (*path, key)))]


@pytest.mark.parametrize("every", [12, pytest.param(1, marks=pytest.mark.slow)])
def test_a_manifest_with_another_value_anywhere(made, every):
    """A nasty value in the place of any other: a finding, or inconclusive; no crash."""
    from modelrepair.verification.verify import verify

    path = made.out / MANIFEST_NAME
    text = path.read_text()
    for number, place in enumerate(places(json.loads(text))[1::every]):
        for nasty in (NASTY[number % len(NASTY)], NASTY[(7 * number + 3) % len(NASTY)]):
            document = json.loads(text)
            inner = document
            for key in place[:-1]:
                inner = inner[key]
            if inner[place[-1]] == nasty or place[0] == "run":
                continue
            inner[place[-1]] = nasty
            path.write_text(json.dumps(document))
            found = verify(made.out, source=made.source, reference=made.reference)
            assert not found.ok, (place, nasty)
