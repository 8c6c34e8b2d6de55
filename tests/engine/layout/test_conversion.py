"""Where a conversion's matrices lie in the file: found by tracing, and never found wrongly."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers.core_model_loading import (
    Chunk,
    Concatenate,
    ConversionOps,
    Interleave,
    MergeModulelist,
    Transpose,
    WeightConverter,
)

from modelrepair.engine.layout.conversion import PROBE, Conversion

SIZES = st.integers(min_value=1, max_value=5)
MODEL = SimpleNamespace(config=None)
GATE_UP = "mlp.experts.gate_up_proj"


def converting(
    target: str, sources: dict[str, dict[str, tuple[int, ...]]], *operations: ConversionOps
) -> Conversion:
    """A conversion with these operations: source pattern → tensor of the file → shape."""
    shapes = {name: shape for names in sources.values() for name, shape in names.items()}
    named = {pattern: tuple(names) for pattern, names in sources.items()}
    converter = WeightConverter(list(named), target, operations=list(operations))
    return Conversion(converter, MODEL, target, named, shapes)


def fused(experts: int, rows: int, columns: int) -> Conversion:
    """Gate and up projections of every expert, as Mixtral's files have them."""
    sources = {
        f"mlp.experts.*.{leaf}.weight": {
            f"mlp.experts.{number}.{leaf}.weight": (rows, columns) for number in range(experts)
        }
        for leaf in ("w1", "w3")
    }
    return converting(GATE_UP, sources, MergeModulelist(dim=0), Concatenate(dim=1))


def file_of(conversion: Conversion) -> dict[str, torch.Tensor]:
    """Tensors of which all entries differ."""
    end, found = 0, {}
    for name, shape in conversion.shapes.items():
        count = torch.Size(shape).numel()
        found[name] = torch.arange(end, end + count).view(shape)
        end += count
    return found


def agrees(conversion: Conversion, view) -> None:
    """What the place of a matrix holds in the file is what the conversion puts into it.

    Args:
        conversion: the conversion.
        view: gives the matrix in a parameter of its form.
    """
    tensors = file_of(conversion)
    matrix = view(conversion.convert(tensors.__getitem__)[conversion.target])
    numbers = view(conversion.trace()[conversion.target])
    place = conversion.place(numbers, tuple(matrix.shape))
    assert place is not None
    assert place.tensor_shape == tuple(tensors[place.tensor].shape)
    held = place.of(tensors[place.tensor].flatten().numpy())
    assert held.tolist() == matrix.tolist()


@given(SIZES, SIZES, SIZES, st.data())
@settings(deadline=None)
def test_each_expert_s_gate_and_up_projection_is_found(experts, rows, columns, data):
    conversion = fused(experts, rows, columns)
    assert conversion.made_shapes() == {GATE_UP: (experts, 2 * rows, columns)}
    expert, up = data.draw(st.integers(0, experts - 1)), data.draw(st.booleans())
    agrees(conversion, lambda made: made[expert][rows * up : rows * (up + 1)])


@given(SIZES, SIZES, SIZES)
@settings(deadline=None)
def test_a_transposed_tensor_is_found(rows, columns, experts):
    shape = (experts, rows, columns)
    conversion = converting("w", {"old": {"old": shape}}, Transpose(1, 2))
    assert conversion.made_shapes() == {"w": (experts, columns, rows)}
    agrees(conversion, lambda made: made[experts - 1])


@given(SIZES, SIZES, st.booleans())
@settings(deadline=None)
def test_rows_that_lie_between_others_are_found(rows, columns, second):
    conversion = converting("w", {"old": {"old": (2 * rows, columns)}}, Interleave(dim=0))
    agrees(conversion, lambda made: made[rows * second : rows * (second + 1)])


@given(SIZES, SIZES)
@settings(deadline=None)
def test_a_part_of_a_packed_tensor_is_found(rows, columns):
    sources = {"qkv": {"qkv": (3 * rows, columns)}}
    converter = WeightConverter(["qkv"], ["q", "k", "v"], operations=[Chunk(dim=0)])
    conversion = Conversion(converter, MODEL, "k", {"qkv": ("qkv",)}, sources["qkv"])
    made = conversion.convert(file_of(conversion).__getitem__)
    assert conversion.made_shapes() == dict.fromkeys("qkv", (rows, columns))
    for name, matrix in made.items():
        place = conversion.place(conversion.trace()[name], (rows, columns))
        assert place is not None
        held = place.of(file_of(conversion)["qkv"].flatten().numpy())
        assert held.tolist() == matrix.tolist()


@given(SIZES, st.integers(2, 5), st.integers(2, 5), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_rows_in_any_other_order_are_not_found_wrongly(experts, rows, columns, random):
    conversion = fused(experts, rows, columns)
    order = random.sample(range(2 * rows), rows)
    tensors = file_of(conversion)
    numbers = conversion.trace()[GATE_UP][0][order]
    place = conversion.place(numbers, (rows, columns))
    if place is not None:  # by chance: then it is right
        matrix = conversion.convert(tensors.__getitem__)[GATE_UP][0][order]
        held = place.of(tensors[place.tensor].flatten().numpy())
        assert held.tolist() == matrix.tolist()
    else:
        steps = {later - earlier for earlier, later in pairwise(order)}
        one_tensor = len({row // rows for row in order}) == 1
        assert len(steps) > 1 or min(steps) < 0 or not one_tensor


def test_a_conversion_is_not_used_up():
    conversion = fused(2, 3, 4)
    tensors = file_of(conversion)
    first, second = (conversion.convert(tensors.__getitem__)[GATE_UP] for _ in range(2))
    assert torch.equal(first, second)
    assert conversion.trace()[GATE_UP].shape == (2, 6, PROBE)
