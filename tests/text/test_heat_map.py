"""A map of figures: a cell for each, inside the picture, the largest the strongest."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from modelrepair.text.heat_map import HIGH, WIDE, HeatMap, percent

VALUES = st.dictionaries(
    st.tuples(st.integers(0, 80), st.sampled_from(["q_proj", "down_proj", "experts.up_proj"])),
    st.floats(0, 1),
    max_size=30,
)


@given(VALUES)
def test_each_figure_is_a_cell_of_the_picture(values):
    found = HeatMap("changed", values)
    cells = found.cells
    assert len({(cell.x, cell.y) for cell in cells}) == len(cells) == len(values)
    for cell in cells:
        assert 0 <= cell.strength <= 1
        assert 0 < cell.x <= found.width - WIDE
        assert 0 < cell.y <= found.height - HIGH
    if any(values.values()):
        assert max(cell.strength for cell in cells) == 1
    assert len(found.headings) == len(found.projections)


def test_a_mark_is_that_of_its_cell():
    found = HeatMap("norm", {(0, "a"): 0.1, (1, "a"): 0.2}, {(1, "a")})
    assert [cell.marked for cell in found.cells] == [False, True]
    assert found.cells[1].title == "layer 1, a: 20.0 %"


def test_many_layers_have_every_fifth_number():
    assert [layer for _, layer in HeatMap("", {(i, "a"): 0.0 for i in range(16)}).rows] == [
        0, 5, 10, 15,
    ]  # fmt: skip


def test_an_empty_map_says_so():
    assert HeatMap("norm", {}).summary == "norm: nothing"


@given(st.floats(1e-9, 1))
def test_a_share_that_is_not_zero_does_not_read_as_zero(share):
    assert float(percent(share).removesuffix(" %")) > 0
