"""Files by untrusted authors: verify finds, apply and push refuse, nothing crashes."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from modelrepair.artifact.manifest import MANIFEST_NAME
from modelrepair.artifact.verdicts import VERDICTS_NAME
from modelrepair.artifact.writer import MASK_NAME
from modelrepair.cli.main import run
from tests.support.forgeries import HOSTILE, OURS, ROWS
from tests.support.small_repairs import Made, make_repair


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
