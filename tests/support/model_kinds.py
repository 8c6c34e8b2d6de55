"""One model of every kind, as the files of its folder; those that can't be repaired, and why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from safetensors.numpy import save

CONFIG = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "num_hidden_layers": 2,
    "hidden_size": 8,
    "vocab_size": 20,
}
DEFAULT = "causal language models of transformers work: docs/architectures.md"
CARD = b"---\nbase_model: org/whole\nbase_model_relation: quantized\n---\nA card.\n"
GIVE = "give org/whole, which its card names as the model that it was"


@dataclass(frozen=True)
class Made:
    """A model that can't be repaired.

    Args:
        kind: the row of the table.
        files: of its folder.
        said: part of the message.
        hint: its beginning.
        what: where one kind is made in several ways.
    """

    kind: str
    files: Mapping[str, bytes]
    said: str
    hint: str
    what: str = ""


def weights(dtype: str = "float16", **more: Any) -> bytes:
    """The weights of a tiny language model, and what else is named (dots as two lines)."""
    tensors = {"model.embed_tokens.weight": np.ones((20, 8), "float16")}
    for layer in range(2):
        for name in ("self_attn.q_proj", "mlp.up_proj"):
            tensors[f"model.layers.{layer}.{name}.weight"] = np.ones((8, 8), dtype)
    tensors["lm_head.weight"] = np.ones((20, 8), "float16")
    made = {name.replace("__", "."): value for name, value in more.items()}
    return save({k: v for k, v in (tensors | made).items() if v is not None}, {"format": "pt"})


def model(config: Mapping[str, Any] | None = None, data: bytes | None = None, **more: bytes):
    """A folder of config and weights."""
    return {
        "config.json": json.dumps(CONFIG | dict(config or {})).encode(),
        "model.safetensors": weights() if data is None else data,
        "README.md": CARD,
        **more,
    }


def quant(method: Any, data: bytes, key: str = "quantization_config") -> dict[str, bytes]:
    """A model that says that it is quantised."""
    return model({key: {"quant_method": method} if isinstance(method, str) else method}, data)


def arch(name: str, kind: str = "llama", data: bytes | None = None, **more: Any):
    """A model of another class."""
    return model({"architectures": [name], "model_type": kind, **more}, data)


PACKED = {f"model__layers__0__self_attn__q_proj__{name}": value for name, value in {
    "qweight": np.ones((1, 8), "int32"), "qzeros": np.ones((1, 1), "int32"),
    "scales": np.ones((1, 8), "float16"), "weight": None,
}.items()}  # fmt: skip
SCALED = {"model__layers__0__self_attn__q_proj__weight_scale": np.ones(1, "float32")}
WITHOUT_HEAD = weights(lm_head__weight=None)
BEFORE = f"{GIVE} quantised from, and quantise the result"
WIDE = "where there is none, from_pretrained(…, quantization_config="
ONLY = {"config.json": b"{}", "README.md": CARD}

FILES = [
    Made("no model files", {"README.md": b"# Soon", ".gitattributes": b""},
         "holds no file of a model", ""),
    Made("diffusion", {"model_index.json": b"{}", "unet/model.safetensors": b""},
         "is a diffusion pipeline (model_index.json)", DEFAULT),
    Made("GGUF", {"my-Q4_K_M.gguf": b"GGUF", "README.md": CARD},
         "holds GGUF files only, such as 'my-Q4_K_M.gguf'",
         f"{GIVE} converted from, and make GGUF"),
    Made("GGUF", {"my.gguf": b"GGUF"}, "holds GGUF files only",
         "give the model that it was converted from", "no card"),
    Made("ONNX", {**ONLY, "onnx/model.onnx": b"", "onnx/model.onnx_data": b""},
         "holds ONNX files only", f"{GIVE} exported from"),
    Made("OpenVINO", {**ONLY, "openvino_model.bin": b"", "openvino_model.xml": b""},
         "holds OpenVINO files only", f"{GIVE} exported from"),
    Made("pickles", {**ONLY, "pytorch_model.bin": b""},
         "holds pickles only, such as 'pytorch_model.bin'", "convert it to safetensors first"),
    Made("pickles", {**ONLY, "consolidated.00.pth": b""}, "holds pickles only",
         "convert it to safetensors first", "as Meta saves them"),
    Made("TensorFlow or Flax", {**ONLY, "tf_model.h5": b"", "flax_model.msgpack": b""},
         "holds TensorFlow or Flax files only", "convert it to safetensors first"),
    Made("other weights", {"params.json": b"{}", "consolidated.safetensors": b""},
         "holds weights in another form only, such as 'consolidated.safetensors'",
         "convert it to safetensors first"),
    Made("models in folders", {"best/config.json": b"{}", "best/model.safetensors": b""},
         "holds no weights at its top, but models in folders: 'best'", ""),
    Made("no weights", {**ONLY, "model.safetensors.index.json": b"{}"},
         "holds model.safetensors.index.json, and none of the weight files that it names", "",
         "an index alone"),
    Made("no weights", {"config.json": b"{}", "tokenizer.json": b"{}"}, "holds no safetensors",
         "give a model with safetensors weights"),
]  # fmt: skip

CONFIGS = [
    Made("embedding model", model(**{"modules.json": b"[]"}), "is an embedding model (modules.json",
         f"{GIVE} trained from"),
    Made("encoder-decoder", arch("T5ForConditionalGeneration", "t5"),
         "is an encoder-decoder (T5ForConditionalGeneration)", DEFAULT),
    Made("encoder-decoder", arch("BartForConditionalGeneration", "bart", is_encoder_decoder=True),
         "is an encoder-decoder (BartForConditionalGeneration)", DEFAULT, "BART"),
    Made("encoder-decoder", arch("Qwen2AudioForConditionalGeneration", "qwen2_audio",
                                 audio_config={}), "is an audio model", DEFAULT, "audio"),
    Made("encoder-decoder", arch("WhisperForConditionalGeneration", "whisper"),
         "is an audio model", DEFAULT, "speech"),
    Made("reward model", arch("LlamaForSequenceClassification", id2label={"0": "LABEL_0"}),
         "LlamaForSequenceClassification is a reward model", f"{GIVE} trained from"),
    Made("reward model", arch("LlamaForSequenceClassification", num_labels=1),
         "is a reward model", f"{GIVE} trained from", "num_labels"),
    Made("encoder", arch("BertForMaskedLM", "bert"), "BertForMaskedLM is an encoder", DEFAULT),
    Made("encoder", arch("LlamaForSequenceClassification", id2label={"0": "A", "1": "B"}),
         "is an encoder or a classifier", DEFAULT, "classifier"),
    Made("code of its own", arch("MineForCausalLM", auto_map={"AutoModelForCausalLM": "mine.M"}),
         "the model brings code of its own (auto_map), which is never run", "use a version of"),
    Made("bare model", arch("LlamaModel", data=WITHOUT_HEAD), "LlamaModel has no head that writes",
         "give the language model itself"),
    Made("bare model", arch("BertModel", "bert", WITHOUT_HEAD), "BertModel has no head",
         "give the language model itself", "BERT"),
    Made("no language model", arch("ViTForImageClassification", "vit"),
         "transformers has no language model of the type vit", DEFAULT),
    Made("unknown type", arch("TomorrowForCausalLM", "tomorrow"),
         "this version of transformers does not know the model type 'tomorrow'",
         "pip install --upgrade transformers"),
]  # fmt: skip

HEADERS = [
    *(Made("quantised", quant(method, weights(**PACKED)), f"quantised ({shown})", BEFORE, shown)
      for method, shown in [
          ("gptq", "gptq"), ("awq", "awq"), ("exl2", "exl2"), ("hqq", "hqq"), ("aqlm", "aqlm"),
          ("quanto", "quanto"), ("compressed-tensors", "compressed-tensors"), ("vptq", "vptq"),
          ("torchao", "torchao"), ("eetq", "eetq"), ("higgs", "higgs"), ("spqr", "spqr"),
          ({"load_in_4bit": True}, "bitsandbytes"), ({"bits": 4}, "method unknown"),
      ]),
    Made("quantised", quant({"group_size": 64, "bits": 4}, weights("uint32"), "quantization"),
         "quantised (MLX)", BEFORE, "MLX"),
    Made("quantised", quant("fp8", weights(**SCALED)), "quantised (fp8)",
         f"{BEFORE}; {WIDE}FineGrained", "FP8"),
    Made("quantised", quant("mxfp4", weights(**PACKED)), "quantised (mxfp4)",
         f"{BEFORE}; {WIDE}Mxfp4", "MXFP4"),
    Made("quantised", quant("bitnet", weights()), "quantised (bitnet)", BEFORE, "online"),
    Made("quantised", model(data=weights("int8")), "_proj.weight is I8)", BEFORE, "no key, int8"),
    Made("quantised", model(data=weights(**PACKED)), "is I32)", BEFORE, "no key, int32"),
    Made("quantised", model(**{"quantize_config.json": b"{}"}), "quantised (quantize_config.json)",
         BEFORE, "a file beside"),
    Made("a quantization key left in plain weights", quant("gptq", weights()),
         "says quantization_config, and its weights are plain numbers", ""),
    Made("ZeRO-3 placeholders", model(data=weights(model__norm__weight=np.ones(0, "float16"))),
         "model.norm.weight has no entries: a placeholder that ZeRO-3 saved",
         "gather the parts in the training's folder: python zero_to_fp32.py . OUT"),
    Made("no blocks", model(dict.fromkeys(CONFIG), save({"w": np.ones((2, 2), "float16")})),
         "no prunable matrix was found in repeated blocks", DEFAULT),
]  # fmt: skip

MADE = [*FILES, *CONFIGS, *HEADERS]
