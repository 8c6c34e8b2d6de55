"""What an adapter's config says: its base, and what of it can't be repaired."""

from __future__ import annotations

import json

import pytest

from modelrepair.checkpoint.reader import TensorEntry
from modelrepair.errors import DamagedCheckpointError, UnsupportedModelError, UsageError
from modelrepair.source.adapter_config import (
    Adapter,
    check_fits,
    check_type,
    named_base,
    names_an_id,
    read_adapter,
)


def config(folder, **values):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", **values}))
    return folder


def tensors(**shapes):
    """Headers by name, dots as two lines."""
    return {
        name: TensorEntry(name, "f", "F32", shape, 0, 0)
        for name, shape in ((key.replace("__", "."), shape) for key, shape in shapes.items())
    }


def lora(**values):
    base = values.pop("base", "org/base")
    return Adapter("LORA", base, None, {"peft_type": "LORA", **values})


def test_a_whole_model_is_no_adapter(tmp_path):
    assert read_adapter(tmp_path) is None


def test_what_the_config_says_is_read(tmp_path):
    folder = config(tmp_path / "a", base_model_name_or_path="org/base", revision="v1", r=4)
    adapter = read_adapter(folder)
    assert (adapter.kind, adapter.base, adapter.revision) == ("LORA", "org/base", "v1")
    assert adapter.config["r"] == 4
    nothing = read_adapter(config(tmp_path / "b", base_model_name_or_path="", revision=None))
    assert (nothing.base, nothing.revision) == (None, None)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"peft_type": 3}', b"\xff\xfe"])
def test_what_is_no_config_is_damaged(tmp_path, text):
    content = text if isinstance(text, bytes) else text.encode()
    (tmp_path / "adapter_config.json").write_bytes(content)
    with pytest.raises(DamagedCheckpointError, match="peft_type"):
        read_adapter(tmp_path)


def test_several_adapters_are_told_apart_from_training_states(tmp_path):
    config(tmp_path)
    config(tmp_path / "checkpoint-500")
    assert read_adapter(tmp_path) is not None
    config(tmp_path / "second")
    with pytest.raises(UnsupportedModelError, match="others in 'second'"):
        read_adapter(tmp_path)


@pytest.mark.parametrize("base", ["org/base", "gpt2", "meta-llama/Llama-2-7b-hf"])
def test_an_id_is_followed(base):
    assert names_an_id(lora(base=base)) and named_base(lora(base=base)) == base


@pytest.mark.parametrize(
    "base", ["/home/me/base", "../base", "./base", "~/base", "C:\\base", "a/b/c"]
)
def test_a_path_is_not(base):
    assert not names_an_id(lora(base=base))
    with pytest.raises(UsageError, match="local path, which is not followed") as caught:
        named_base(lora(base=base))
    assert "--base" in caught.value.hint and base not in str(caught.value)


def test_no_base_is_asked_for():
    with pytest.raises(UsageError, match="does not name the adapter's base"):
        named_base(lora(base=None))


@pytest.mark.parametrize(
    ("adapter", "merge", "said"),
    [
        (Adapter("ADALORA", None, None, {}), True, "type ADALORA can't be repaired"),
        (Adapter("PREFIX_TUNING", None, None, {}), False, "type PREFIX_TUNING can't be repaired"),
        (Adapter("IA3", None, None, {}), False, "no factors A and B"),
        (lora(use_dora=True), False, "DoRA"),
        (lora(target_parameters=["mlp.experts.down_proj"]), True, "target_parameters"),
        (lora(trainable_token_indices=[1]), False, "trainable_token_indices"),
        (lora(layer_replication=[[0, 2]]), True, "layer_replication"),
        (lora(init_lora_weights="pissa_niter_4"), True, "started by pissa_niter_4"),
        (lora(init_lora_weights="loftq"), False, "started by loftq"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_can_not_be_repaired_says_what_to_do(adapter, merge, said):
    with pytest.raises(UnsupportedModelError, match=said) as caught:
        check_type(adapter, merge=merge)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("adapter", "merge"),
    [
        (lora(r=8, init_lora_weights=True, layer_replication=None, target_parameters=[]), False),
        (lora(init_lora_weights="gaussian"), False),
        (lora(init_lora_weights="eva"), False),
        (lora(use_dora=True), True),
        (Adapter("LOHA", None, None, {}), True),
    ],
)
def test_what_can_be_repaired_passes(adapter, merge):
    check_type(adapter, merge=merge)


def test_one_name_for_two_tensors_is_refused():
    check_fits(tensors(a__lora_A__weight=(2, 4)), tensors(a__weight=(4, 4)))
    with pytest.raises(UnsupportedModelError, match="both hold a tensor"):
        check_fits(tensors(a__weight=(4, 4)), tensors(a__weight=(4, 4)))


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("model__embed_tokens__weight", (22, 8)),
        ("model__embed_tokens__base_layer__weight", (22, 8)),
        ("lm_head__modules_to_save__default__weight", (22, 8)),
        ("model__embed_tokens__lora_embedding_A", (2, 22)),
        ("lm_head__lora_B__weight", (22, 2)),
    ],
)
def test_a_resized_base_is_seen_by_the_headers(name, shape):
    base = tensors(model__embed_tokens__weight=(20, 8), lm_head__weight=(20, 8))
    resized = tensors(**{f"base_model__model__{name}": shape})
    with pytest.raises(UnsupportedModelError, match="22 rows in it, and 20 in the base") as caught:
        check_fits(resized, base)
    assert caught.value.hint.startswith("base.resize_token_embeddings(22) before")
    same = tuple(20 if size == 22 else size for size in shape)
    check_fits(tensors(**{f"base_model__model__{name}": same}), base)
