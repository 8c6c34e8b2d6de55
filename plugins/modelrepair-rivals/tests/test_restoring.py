"""What ablation removed is found in the weights alone, and nothing else is changed."""

from __future__ import annotations

import shutil

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from modelrepair import demo_paths as paths
from modelrepair import load_manifest, repair, verify
from modelrepair_rivals.restoring import along, energies, missing, removed
from tests.support.layout_repairs import save

WIDTH = 24
WRITERS = ("o_proj", "down_proj")


def draw(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def matrices(seed: int, layers: int = 3) -> list[torch.Tensor]:
    """A square one and a wide one for each layer, as attention and MLP write."""
    generator = draw(seed)
    shapes = [(WIDTH, WIDTH), (WIDTH, 4 * WIDTH)] * layers
    return [torch.randn(shape, generator=generator) for shape in shapes]


def directions(seed: int, count: int) -> torch.Tensor:
    return torch.linalg.qr(torch.randn(WIDTH, count, generator=draw(1000 + seed)))[0]


def same(found: torch.Tensor, expected: torch.Tensor, tolerance: float) -> bool:
    """Whether two orthonormal bases span the same space."""
    if found.shape != expected.shape:
        return False
    return bool(torch.linalg.svdvals(found.T @ expected).min() > 1 - tolerance)


@settings(max_examples=25)
@given(st.integers(0, 200), st.integers(1, 3), st.booleans())
def test_removed_directions_are_found_without_a_reference(seed, count, rounded):
    r = directions(seed, count)
    cut = [each - r @ (r.T @ each) for each in matrices(seed)]
    if rounded:
        cut = [each.bfloat16().float() for each in cut]
    assert all(same(found, r, 1e-3) for found in removed(cut))


@settings(max_examples=25)
@given(st.integers(0, 200))
def test_a_direction_of_its_own_for_each_layer_is_found(seed):
    own, cut = directions(seed, 3), []
    for number, each in enumerate(matrices(seed)):
        r = own[:, number // 2].unsqueeze(1)
        cut.append(each - r @ (r.T @ each))
    for number, found in enumerate(removed(cut)):
        assert same(found, own[:, number // 2].unsqueeze(1), 1e-3)


@settings(max_examples=25)
@given(st.integers(0, 200))
def test_what_was_not_ablated_has_nothing_missing(seed):
    assert not any(each.numel() for each in removed(matrices(seed)))


def test_the_softened_direction_is_found_in_the_wide_matrices():
    r = directions(0, 1)
    cut = [each - 0.8 * r @ (r.T @ each) for each in matrices(0)[1::2]]
    assert all(same(found, r, 0.05) for found in removed(cut))
    half = [each - 0.4 * r @ (r.T @ each) for each in matrices(0)[1::2]]
    assert not any(each.numel() for each in removed(half))


def test_energies_are_what_the_matrix_writes():
    weight = matrices(3)[1]
    values, vectors = energies(weight)
    assert torch.allclose(values.mean(), torch.ones((), dtype=torch.float64))
    assert torch.allclose(along(vectors.float(), weight).double(), values, atol=1e-4)
    assert missing(weight).shape == (WIDTH, 0)


def ablated_demo(folder, tensors, r):
    """The demo's aligned model without a direction."""
    shutil.copytree(paths.reference, folder)
    cut = dict(tensors)
    for name, weight in tensors.items():
        if any(f".{each}." in name for each in WRITERS):
            wide = weight.float()
            cut[name] = (wide - r @ (r.T @ wide)).to(weight.dtype)
    save_file(cut, folder / "model.safetensors", metadata={"format": "pt"})
    return cut


@pytest.fixture
def run(tmp_path):
    def repaired(source):
        sets = {role: paths.sets[role] for role in ("realign", "refusal", "utility", "borderline")}
        return repair(
            source, reference="none", repairer="restore-direction", strength=2,
            repairer_options={"steps": 2, "every": 1, "rate": 0.3}, examples=16, evaluate=False,
            judge="demo-world", out=tmp_path / "out", **sets,
        )  # fmt: skip

    return repaired


def test_only_the_removed_direction_is_written_again(tmp_path, run):
    tensors = load_file(paths.reference / "model.safetensors")
    r = torch.linalg.qr(torch.randn(128, 1, generator=draw(0)))[0]
    cut = ablated_demo(tmp_path / "ablated", tensors, r)
    report = run(tmp_path / "ablated")
    manifest = load_manifest(report.out)
    assert manifest.repairer.distribution == "modelrepair-rivals"
    assert not any("direction" in line for line in manifest.warnings)
    assert verify(report.out, source=tmp_path / "ablated").ok
    after = load_file(report.out / "model.safetensors")
    changed = {name for name, each in after.items() if not torch.equal(each, cut[name])}
    assert changed == {name for name in cut if any(f".{each}." in name for each in WRITERS)}
    for name in changed:
        change = after[name].float() - cut[name].float()
        beside = change - r @ (r.T @ change)
        # Beside the direction there is only what rounding to bfloat16 moves.
        assert beside.norm() < 0.2 * change.norm(), name


def test_a_direction_is_written_again_where_matrices_are_held_transposed(tmp_path, run):
    source = save("gpt2", tmp_path / "ablated")
    r = torch.linalg.qr(torch.randn(32, 1, generator=draw(1)))[0]
    cut = load_file(source / "model.safetensors")
    for name, weight in cut.items():
        if name.endswith("c_proj.weight"):
            cut[name] = (weight - (weight @ r) @ r.T).contiguous()  # [in, out]
    save_file(cut, source / "model.safetensors", metadata={"format": "pt"})
    report = run(source)
    assert not any("direction" in line for line in load_manifest(report.out).warnings)
    after = load_file(report.out / "model.safetensors")
    changed = {name for name, each in after.items() if not torch.equal(each, cut[name])}
    assert changed == {name for name in cut if name.endswith("c_proj.weight")}
    for name in changed:
        change = after[name] - cut[name]
        assert (change - (change @ r) @ r.T).norm() < 1e-3 * change.norm(), name


def test_where_nothing_is_missing_refusals_give_one_direction(run):
    out = run(paths.reference).out
    (said,) = (line for line in load_manifest(out).warnings if line.startswith("restore-direction"))
    assert said.startswith("restore-direction: no direction is missing from two of ")
    assert said in (out / "README.md").read_text(encoding="utf-8")
    before, after = (load_file(each / "model.safetensors") for each in (paths.reference, out))
    found = []
    for name, weight in before.items():
        change = after[name].double() - weight.double()
        if change.any():
            left, values, _ = torch.linalg.svd(change)
            assert values[0] > 4 * values[1], name  # the others are rounding
            found.append(left[:, 0])
    assert len(found) >= 8
    assert all((found[0] @ each).abs() > 0.95 for each in found)


def test_a_matrix_of_one_row_lacks_no_direction():
    assert missing(torch.ones(1, 4)).shape == (1, 0)
