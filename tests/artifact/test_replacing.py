"""A record gives way to another in one step: whoever reads finds the old one or the new one."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from modelrepair.artifact import replacing
from modelrepair.artifact.reading import load_manifest
from modelrepair.artifact.replacing import put_back, replace_record
from modelrepair.verification.verify import verify
from tests.support.later import contents
from tests.support.small_repairs import MEASURED, draft, make_repair

ASKED = {
    role: [replace(row, verdict=None, exact=None) for row in rows]
    for role, rows in MEASURED.items()
}
CHANGED = ("measures", "verdict", "gate", "kinds")


@pytest.fixture
def made(tmp_path):
    """A repair whose answers come later; and how its record is replaced."""
    found = make_repair(tmp_path, measured=ASKED, verdict="unmeasured", gate=None, kinds={})
    decided = draft()
    changes = {name: getattr(decided, name) for name in CHANGED}
    work = tmp_path / "out.deciding"
    return found, lambda: replace_record(
        found.out, work, load_manifest(found.out), changes, MEASURED
    )


def verified(made) -> bool:
    return verify(made.out, source=made.source).ok


def test_the_new_record_verifies_and_no_other_file_is_written(made):
    made, record = made
    old, (weights,) = contents(made.out), made.out.glob("*.safetensors")
    node = weights.stat().st_ino
    manifest = record()
    assert manifest == load_manifest(made.out)
    assert manifest.verdict == "passed"
    new = contents(made.out)
    assert {name for name in old | new if old.get(name) != new.get(name)} == set(replacing.RENEWED)
    assert weights.stat().st_ino == node, "a link to the same bytes: no weights are copied"
    assert verified(made)


def test_a_file_of_the_user_stays_and_a_disk_without_links_gets_copies(made, monkeypatch):
    made, record = made
    (made.out / "notes.txt").write_text("mine")

    def refused(*_):
        raise PermissionError(1, "no links here")

    monkeypatch.setattr(os, "link", refused)
    record()
    assert (made.out / "notes.txt").read_text() == "mine"
    assert load_manifest(made.out).verdict == "passed"


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize(
    "step", ["write_verdicts", "render_card", "write_text", "write_json", "exchange"]
)
def test_whenever_it_is_killed_the_record_is_the_old_or_the_new_one(step, made, monkeypatch):
    made, record = made
    old, real = contents(made.out), getattr(replacing, step)

    def killed(*arguments, **named):
        real(*arguments, **named)
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(replacing, step, killed)
        record()
    assert (contents(made.out) == old) is (step != "exchange")
    assert load_manifest(made.out).verdict == ("passed" if step == "exchange" else "unmeasured")
    assert verified(made)
    if step != "exchange":
        record()
        assert verified(made)


def test_where_folders_can_not_be_exchanged_what_a_kill_leaves_is_put_back(made, monkeypatch):
    made, record = made
    old, rename, work = contents(made.out), replacing.rename, made.out.with_name("out.deciding")

    def killed(one, two):
        if one.name == replacing.BESIDE:
            raise Killed
        return rename(one, two)

    monkeypatch.setattr(replacing, "exchange", lambda *_: False)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(replacing, "rename", killed)
        record()
    assert not made.out.exists()
    put_back(made.out, work)
    assert contents(made.out) == old
    record()
    assert verified(made)
