"""Work files of tensors on disks that take other names as one."""

from __future__ import annotations

import unicodedata
from pathlib import PureWindowsPath

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from modelrepair.checkpoint.work_names import work_name
from modelrepair.engine.edits import Edits

NAMES = st.text(max_size=300) | st.text("aAkK\u212aßẞ.~- 0", max_size=6)
"""Any letters, and few of them so that two names are often near."""


def as_one(name: str) -> str:
    """What a disk that knows no case and no composition sees of a name; Windows drops its end."""
    composed = unicodedata.normalize("NFC", name)
    return unicodedata.normalize("NFD", composed.casefold().upper().lower()).rstrip(". ")


@given(NAMES, NAMES)
@example("layers.0.W", "layers.0.w")
@example("é", "e\u0301")
@example("w.", "w")
@example("k", "\u212a")
@example("A", work_name("A"))
def test_two_tensors_never_share_a_file(one, two):
    assert (as_one(work_name(one)) == as_one(work_name(two))) == (one == two)


@given(NAMES)
@example("CON")
@example("nul.weight")
@example("a/b\\c:d*e?f")
@example("..")
@example("")
@example("\udce8")
def test_every_disk_takes_the_name(name):
    made = work_name(name)
    assert made.isascii() and made.isprintable() and 0 < len(made) <= 120
    assert not set(made) & set('/\\:*?"<>|') and not made.endswith((".", " "))
    assert made not in (".", "..") and not PureWindowsPath(f"{made}.npy").is_reserved()


@pytest.mark.parametrize("name", ["h.0.attn.c_attn.weight", "model.layers.11.mlp.up_proj.weight"])
def test_a_usual_name_stays(name):
    assert work_name(name) == name


def test_edits_of_names_in_two_cases_do_not_meet(tmp_path):
    edits = Edits(tmp_path / "edits")
    for number, name in enumerate(("layers.0.W", "layers.0.w")):
        edits.put(name, np.full(8, number, np.uint16))
    for number, name in enumerate(("layers.0.W", "layers.0.w")):
        assert edits.get(name).tolist() == [number] * 8
    assert len({as_one(path.name) for path in edits.folder.iterdir()}) == 2
