"""Files that no repair wrote: those that a program would load are found."""

from __future__ import annotations

import pytest

from modelrepair.checkpoint.digests import sha256_file
from tests.support.forgeries import LOADED
from tests.support.small_repairs import (
    make_repair,
)
from tests.support.verifying import (  # noqa: F401
    check,
    codes,
    edit_manifest,
    made_fixture,
    seal,
    untouched_fixture,
)


@pytest.mark.parametrize("name", LOADED)
def test_what_a_program_would_load_is_found_whatever_the_manifest_says(made, name):
    path = made.out / name
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_bytes(b"anything")
    assert codes(made) == ["added"]
    sha = sha256_file(path)
    edit_manifest(made, lambda m: m["left_behind"].update({name: "a pickle"}))
    seal(made)
    assert codes(made) == ["added"]
    edit_manifest(made, lambda m: m["files"].update({name: sha}))
    seal(made)
    assert codes(made) == ["added"]


@pytest.mark.parametrize("name", ["notes.csv", "cat.png", "train.log", "notes/more.md", "x.docx"])
def test_what_no_program_loads_is_noted(made, name):
    path = made.out / name
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_bytes(b"PK anything")
    verification = check(made)
    assert verification.ok and name in verification.notes[0]
    path.write_bytes(b"\x80\x04a pickle")
    assert codes(made) == ["added"]


def test_what_stands_in_the_source_may_stay_but_no_weights(tmp_path):
    made = make_repair(tmp_path)
    for name, code in (("modeling_mine.py", None), ("pytorch_model.bin", "added")):
        for folder in (made.source, made.out):
            (folder / name).write_text("as it was")
        assert codes(made) == ([code] if code else [])
    (made.out / "pytorch_model.bin").unlink()
    (made.out / "modeling_mine.py").write_text("other code")
    assert codes(made) == ["added"]
