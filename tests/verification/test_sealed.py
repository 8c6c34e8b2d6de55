"""Forgeries whose forger computed every digest again, so that all of them agree."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelrepair.artifact.plots import PLOT_NAME
from modelrepair.artifact.writer import MASK_NAME
from modelrepair.checkpoint.values import VALUES_NAME
from modelrepair.verification.pictures import more_than_a_drawing
from modelrepair.verification.sealed import _whole_lines
from tests.kept.make import MODELS, REPAIRS
from tests.support.forgeries import STRANGE
from tests.support.sealing import codes, made_fixture, rewrite, seal, untouched_fixture  # noqa: F401


def test_the_sealer_makes_no_finding_of_an_honest_repair(made):
    assert codes(made) == set()
    seal(made)
    assert codes(made) == set()


def test_one_tensor_more_in_the_values(made):
    rewrite(made.out / VALUES_NAME, lambda metadata, tensors: tensors.update(more=b"pay"))
    seal(made)
    assert codes(made) == {"values"}


def test_metadata_in_the_values(made):
    rewrite(made.out / VALUES_NAME, lambda metadata, tensors: metadata.update(note="trust me"))
    seal(made)
    assert codes(made) == {"values"}


@pytest.mark.parametrize("unit", ["row", "head", "neuron"])
def test_single_entries_that_pass_for_a_larger_unit(made, unit):
    rewrite(made.out / MASK_NAME, lambda metadata, tensors: metadata.update(unit=unit))
    seal(made, lambda document: document.update(unit=unit))
    assert codes(made) == {"record"}


@given(st.data())
def test_lines_are_whole_where_each_matrix_has_whole_rows_or_whole_columns(data):
    shape = data.draw(st.tuples(*[st.integers(1, 4)] * 3))
    mask = np.zeros(shape, bool)
    for matrix in mask:
        lines = matrix if data.draw(st.booleans()) else matrix.T
        lines[data.draw(st.lists(st.integers(0, len(lines) - 1)))] = True
    spoilt = data.draw(st.lists(st.integers(0, mask.size - 1), max_size=2))
    mask.reshape(-1)[spoilt] ^= True
    whole = all((each == each[:1]).all() or (each == each[:, :1]).all() for each in mask)
    assert _whole_lines(np.flatnonzero(mask), shape) == whole


@pytest.mark.parametrize("name", [MASK_NAME, VALUES_NAME])
def test_a_mask_beside_a_dense_edit(tmp_path, untouched, name):
    out = Path(shutil.copytree(REPAIRS / "dense", tmp_path / "out"))
    made = replace(untouched, source=MODELS / "small", reference=None, out=out)
    seal(made)
    assert codes(made) == set()
    shutil.copy(untouched.out / name, out / name)
    assert codes(made) == {"added"}
    seal(made, lambda document: document["files"].update({name: "0" * 64}))
    seal(made)
    assert codes(made) == {"added"}


@pytest.mark.parametrize("strange", STRANGE)
def test_a_picture_that_holds_more_than_a_drawing(untouched, strange):
    picture = (untouched.out / PLOT_NAME).read_text()
    assert more_than_a_drawing(picture.encode()) is None
    forged = picture.replace("</svg>", f"{strange}</svg>").encode()
    assert more_than_a_drawing(forged) is not None


def test_a_script_in_a_sealed_picture(made):
    path = made.out / PLOT_NAME
    path.write_text(path.read_text().replace("</svg>", "<script>alert(1)</script></svg>"))
    seal(made)
    assert codes(made) == {"picture"}
