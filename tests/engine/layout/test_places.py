"""A matrix in a tensor of the file: wherever it lies, reading, writing and counting agree."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelrepair.engine.layout.places import Place, whole

SIZES = st.integers(min_value=1, max_value=6)


@st.composite
def lying(draw) -> tuple[Place, np.ndarray]:
    """A place, and the flat positions of its entries ``[out, in]`` as numpy's own slices say.

    The tensor is one of fused experts; the matrix is one expert's, or its gate's or up
    projection's half of it, side by side or interleaved, each as it is or transposed.
    """
    experts, rows, columns = draw(SIZES), draw(SIZES) * 2, draw(SIZES)
    numbers = np.arange(experts * rows * columns).reshape(experts, rows, columns)
    if draw(st.booleans()):
        numbers = numbers.reshape(experts, columns, rows)  # stored transposed
        view = numbers[draw(st.integers(0, experts - 1))].T
    else:
        view = numbers[draw(st.integers(0, experts - 1))]
    half = rows // 2
    part = draw(st.sampled_from([slice(None), slice(half), slice(half, None), slice(0, None, 2),
                                 slice(1, None, 2)]))  # fmt: skip
    view = view[part]
    strides = tuple(stride // view.itemsize for stride in view.strides)
    place = Place("w", numbers.shape, view.shape, int(view[0, 0]), strides)
    return place, view


@given(lying())
def test_it_holds_the_entries_that_a_slice_holds(given):
    place, expected = given
    flat = np.arange(place.tensor_entries)
    assert place.of(flat).tolist() == expected.tolist()
    assert place.is_whole == (expected.size == flat.size)
    assert place.span == (expected.min(), expected.max() + 1)


@given(lying(), st.data())
def test_a_part_of_the_tensor_is_enough(given, data):
    place, expected = given
    first, end = place.span
    start = data.draw(st.integers(0, first))
    stop = data.draw(st.integers(end, place.tensor_entries))
    part = np.arange(place.tensor_entries)[start:stop]
    assert place.of(part, start).tolist() == expected.tolist()


@given(lying(), st.randoms(use_true_random=False))
def test_positions_of_a_mask_are_those_of_its_entries(given, random):
    place, expected = given
    mask = np.array([random.random() < 0.5 for _ in range(expected.size)]).reshape(expected.shape)
    found = place.positions(mask)
    assert found.tolist() == expected[mask].tolist()
    assert found.dtype == np.int64


@given(lying(), st.randoms(use_true_random=False))
def test_writing_reaches_these_entries_and_no_other(given, random):
    place, expected = given
    mask = np.array([random.random() < 0.5 for _ in range(expected.size)]).reshape(expected.shape)
    flat = np.zeros(place.tensor_entries, bool)
    view = place.of(flat, writeable=True)
    view |= mask
    assert set(np.flatnonzero(flat)) == set(place.positions(mask).tolist())
    with pytest.raises(ValueError, match="read-only"):
        place.of(flat)[0, 0] = True


@given(SIZES, SIZES)
def test_a_matrix_of_its_own_is_the_whole_tensor(rows, columns):
    place = whole("w", (rows, columns))
    flat = np.arange(rows * columns)
    assert place.is_whole
    assert place.of(flat).tolist() == flat.reshape(rows, columns).tolist()
