"""Which tensors of the file are which parameters: as transformers loads them, nothing guessed."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from modelrepair.checkpoint.reader import TensorEntry
from modelrepair.engine import skeleton as skeletons
from modelrepair.engine.layout.conversion import Made
from modelrepair.engine.layout.names import match_names
from modelrepair.engine.sites import find_sites
from modelrepair.errors import DamagedCheckpointError, UnsupportedModelError
from tests.support import tiny
from tests.support.changed_models import DOWN, NORM, change, folder_fixture  # noqa: F401
from tests.support.opened_models import CPU


def test_missing_tensors_and_other_shapes_are_told(folder):
    checkpoint = change(folder, **{NORM: None})
    with pytest.raises(DamagedCheckpointError, match=r"1 tensors .* model\.norm\.weight"):
        skeletons.build(folder, checkpoint, CPU)
    checkpoint = change(folder, **{NORM: torch.ones(32), DOWN: torch.ones(32, 47)})
    with pytest.raises(DamagedCheckpointError, match=r"\[32, 47\], config.json says \[32, 48\]"):
        skeletons.build(folder, checkpoint, CPU)


def test_tensors_that_the_model_does_not_know_stay_as_they_are(folder):
    checkpoint = change(folder, **{"extra.weight": torch.ones(2, 2)})
    skeleton = skeletons.build(folder, checkpoint, CPU)
    assert skeleton.unknown == ("extra.weight",)
    assert "extra.weight" not in {
        s.name for s in find_sites(skeleton, [*checkpoint.entries]).chosen
    }


def on_meta(kind: str):
    with torch.device("meta"):
        return tiny.model(kind, num_hidden_layers=1)


def file_of(shapes) -> SimpleNamespace:
    """What a checkpoint says of tensors of these shapes, in this order."""
    entries = {
        name: TensorEntry(name, "model.safetensors", "F32", tuple(shape), 0, 4)
        for name, shape in shapes.items()
    }
    return SimpleNamespace(entries=entries)


def shapes_of(model) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


@pytest.mark.parametrize(
    "around", ["{}", "module.{}", "_orig_mod.module.{}"], ids=["plain", "one", "two"]
)
def test_every_parameter_has_the_tensor_of_its_name(around):
    model = on_meta("llama")
    named = {around.format(name): shape for name, shape in shapes_of(model).items()}
    files, unknown = match_names(model, file_of(dict(reversed(named.items()))))
    assert files == {name: around.format(name) for name in shapes_of(model)}
    assert unknown == ()


def test_a_file_of_the_base_model_alone_lacks_the_prefix():
    model = on_meta("gpt2")
    bare = {name.removeprefix("transformer."): shape for name, shape in shapes_of(model).items()}
    del bare["lm_head.weight"]
    files, _ = match_names(model, file_of(bare))
    assert files["transformer.h.0.mlp.c_fc.weight"] == "h.0.mlp.c_fc.weight"
    assert files["lm_head.weight"] == "wte.weight", "tied to the embedding"


@pytest.mark.parametrize("kept", ["lm_head.weight", "model.embed_tokens.weight"])
def test_a_tied_parameter_has_the_other_s_tensor_whichever_is_there(kept):
    model = on_meta("qwen3")
    tied = {"lm_head.weight", "model.embed_tokens.weight"}
    shapes = {n: shape for n, shape in shapes_of(model).items() if n not in tied - {kept}}
    files, _ = match_names(model, file_of(shapes))
    assert {files[name] for name in tied} == {kept}


def test_unknown_tensors_keep_the_order_of_the_file():
    model = on_meta("llama")
    shapes = {"z.weight": (1,), **shapes_of(model), "b.10.w": (2,), "b.9.w": (2,)}
    files, unknown = match_names(model, file_of(shapes))
    assert unknown == ("z.weight", "b.10.w", "b.9.w")
    assert set(files.values()) == set(shapes_of(model))


def experts_of(model) -> dict[str, tuple[int, ...]]:
    """The model's tensors as its file has them: one matrix an expert."""
    shapes = shapes_of(model)
    inside = "model.layers.0.mlp.experts"
    (number, rows, hidden), _ = (shapes.pop(f"{inside}.{n}_proj") for n in ("gate_up", "down"))
    gate = shapes.pop("model.layers.0.mlp.gate.weight")
    block = "model.layers.0.block_sparse_moe"
    matrices = {"w1": (rows // 2, hidden), "w2": (hidden, rows // 2), "w3": (rows // 2, hidden)}
    return (
        shapes
        | {f"{block}.gate.weight": gate}
        | {
            f"{block}.experts.{expert}.{name}.weight": shape
            for expert in range(number)
            for name, shape in matrices.items()
        }
    )


def test_fused_experts_are_made_of_the_matrices_of_the_file():
    model = on_meta("mixtral")
    files, unknown = match_names(model, file_of(experts_of(model)))
    assert unknown == () and files.keys() == shapes_of(model).keys()
    made = {name: each for name, each in files.items() if isinstance(each, Made)}
    inside, block = "model.layers.0.mlp.experts", "model.layers.0.block_sparse_moe"
    wanted = {f"{inside}.gate_up_proj": ("w1", "w3"), f"{inside}.down_proj": ("w2",)}
    assert made.keys() == wanted.keys()
    for name, each in made.items():
        assert each.target == name
        assert list(each.conversion.sources.values()) == [
            tuple(f"{block}.experts.{expert}.{matrix}.weight" for expert in range(4))
            for matrix in wanted[name]
        ]
    assert files["model.layers.0.mlp.gate.weight"] == f"{block}.gate.weight"


def test_an_expert_of_another_shape_is_refused():
    model = on_meta("mixtral")
    shapes = experts_of(model)
    odd = "model.layers.0.block_sparse_moe.experts.2.w2.weight"
    one = file_of(shapes | {odd: (31, 48)})
    with pytest.raises(UnsupportedModelError, match=r"experts\.0\.w2\.weight and its like can't"):
        match_names(model, one)
    every = {name: (31, 48) if ".w2." in name else shape for name, shape in shapes.items()}
    with pytest.raises(DamagedCheckpointError, match=r"\[4, 31, 48\], config.json says \[4, 32"):
        match_names(model, file_of(every))


def test_a_model_of_which_nothing_is_in_the_file_is_damaged():
    model = on_meta("llama")
    count = len(shapes_of(model))
    with pytest.raises(DamagedCheckpointError, match=f"{count} tensors that config.json asks for"):
        match_names(model, file_of({"w": (1,)}))
