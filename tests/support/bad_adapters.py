"""Bad adapters and bases, for the table of bad inputs."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from modelrepair.demo import paths
from tests.support.breaking import Row, other_architecture

A = "base_model.model.model.layers.1.self_attn.q_proj.lora_A.weight"
IN_MODEL = "model.layers.1.self_attn.q_proj.lora_A.default.weight"
WEIGHTS = "adapter_model.safetensors"
ANOTHER_BASE = (
    "give the base that the adapter was trained on with --base, at the revision of that time"
)
NAME_IT = "name the model that it was trained on with --base: a folder, or a Hub id"
MERGE = "--merge makes a whole model of adapter and base, and repairs that"
BY_HAND = (
    "merge it into its base with peft's merge_and_unload, save that, and repair the whole model"
)
CONVERT = "convert it first: its owner can, in a trusted environment, load it with peft's …"

Change = Callable[[Path], object]


def adapter(*changes: Change) -> Change:
    """The demo's adapter and its base, in two folders, and what is done to them."""

    def make(folder: Path) -> None:
        shutil.copytree(paths.adapter, folder / "adapter")
        shutil.copytree(paths.reference, folder / "base")
        for change in changes:
            change(folder)

    return make


def config(of: str = "adapter/adapter_config.json", **values: object) -> Change:
    """Change a config."""

    def change(folder: Path) -> None:
        path = folder / of
        path.write_text(json.dumps({**json.loads(path.read_text()), **values}))

    return change


def factors(edit: Callable[[dict], object]) -> Change:
    """Change the adapter's tensors."""

    def change(folder: Path) -> None:
        path = folder / "adapter" / WEIGHTS
        found = {name: tensor.clone() for name, tensor in load_file(path).items()}
        edit(found)
        save_file(found, path, {"format": "pt"})

    return change


def file(name: str, content: bytes | None) -> Change:
    """Write a file, or remove it."""

    def change(folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink() if content is None else path.write_bytes(content)

    return change


def other_base(**changes: object) -> Change:
    """A base of other sizes, with the tokenizer of the right one."""

    def change(folder: Path) -> None:
        from tests.support import tiny

        for name in ("config.json", "model.safetensors"):
            (folder / "base" / name).unlink()
        tiny.save("llama", folder / "base", **changes)

    return change


def above(folder: Path) -> None:
    """The adapter one level deeper than it is asked for, and two."""
    shutil.copytree(folder / "adapter", folder / "run" / "rank-16")
    shutil.copytree(folder / "adapter", folder / "steps" / "checkpoint-9" / "r16")


def saved_head(found: dict) -> None:
    """A head of another vocabulary beside the factors."""
    found["base_model.model.lm_head.weight"] = torch.zeros(400, 128, dtype=torch.bfloat16)


def row(what: str, id: str, line: str, hint: str, *changes: Change, **more: object) -> Row:
    """A row about the demo's adapter, with its base named."""
    given = {"options": "--base base", "source": "adapter", **more}
    return Row(what, id, line, hint, make=adapter(*changes), **given)


ADAPTERS = [
    row("an adapter that names no base", "adapter-base-unknown",
        "adapter_config.json does not name the adapter's base",
        NAME_IT, options=""),
    row("an adapter that names its base by a path", "adapter-base-unknown",
        "adapter_config.json names the base by a local path, which is not followed", NAME_IT,
        config(base_model_name_or_path="/data/base"), options=""),
    row("no such base", "no-such-folder", "no folder nowhere",
        "check the path; an id on the Hub looks like user/name", options="--base ./nowhere"),
    row("a base that is an adapter", "unsupported-adapter", "the base adapter is an adapter itself",
        "merge that one into its base with peft, and give the result with --base",
        options="--base adapter"),
    row("a base of another architecture", "adapter-base-does-not-fit",
        "peft can't put the adapter into GPTNeoXForCausalLM: …", ANOTHER_BASE,
        other_architecture,
        options="--base other"),
    row("a base of other sizes", "adapter-base-does-not-fit",
        "the adapter does not fit its base: …", ANOTHER_BASE,
        other_base()),
    row("a base of another vocabulary", "adapter-base-does-not-fit",
        "the adapter was trained on a resized base: lm_head.weight has 400 rows in it, and 346 …",
        "base.resize_token_embeddings(400) before …",
        config(modules_to_save=["lm_head"]), factors(saved_head)),
    row("a base with quantised weights", "quantised", "the weights of base are quantised (bitnet)",
        "--base: give the model that it was quantised from, and quantise the result",
        config("base/config.json", quantization_config={"quant_method": "bitnet"})),
    row("a factor is missing", "damaged-checkpoint",
        f"{WEIGHTS} lacks '{IN_MODEL}', which adapter_config.json asks for",
        "download the adapter again, or ask its author for the whole of it",
        factors(lambda found: found.pop(A))),
    row("a factor was renamed", "damaged-checkpoint",
        f"{WEIGHTS} holds '…x_proj.lora_A.weight', which is no part of the adapter that "
        "adapter_config.json describes",
        "config and weights are of different adapters, or a tensor was renamed",
        factors(lambda found: found.__setitem__(A.replace("q_", "x_"), found.pop(A)))),
    row("a factor of another rank than the config says", "adapter-base-does-not-fit",
        "the adapter does not fit its base: …", ANOTHER_BASE, config(r=8)),
    row("a factor with NaN", "not-finite", f"{A} holds NaN or infinite values",
        "the checkpoint is damaged or its training diverged; nothing can be measured on it",
        factors(lambda found: found[A].reshape(-1).__setitem__(3, math.nan))),
    row("an adapter that is a pickle", "no-weights",
        f"folder 'adapter' is an adapter without {WEIGHTS}: only adapter_model.bin, a pickle",
        CONVERT, file(f"adapter/{WEIGHTS}", None), file("adapter/adapter_model.bin", b"\x80\x02")),
    row("an adapter without weights", "no-weights",
        f"folder 'adapter' is an adapter without {WEIGHTS}: no weights", CONVERT,
        file(f"adapter/{WEIGHTS}", None)),
    row("an empty adapter", "damaged-checkpoint",
        f"{WEIGHTS} holds no tensor: the adapter is empty",
        "download the adapter again, or ask its author for the whole of it",
        factors(dict.clear)),
    row("an adapter without its config", "unsupported-model",
        "adapter is an adapter without adapter_config.json",
        "copy the adapter again, with its config", file("adapter/adapter_config.json", None),
        options=""),
    row("an adapter's config that is not JSON", "damaged-checkpoint",
        "adapter_config.json is no adapter's config: it needs a peft_type",
        "download or copy the adapter again", file("adapter/adapter_config.json", b"{")),
    row("several adapters in one folder", "unsupported-model",
        "there are several adapters in one folder: one at its top, others in 'second'",
        "copy the one that is meant into a folder of its own",
        file("adapter/second/adapter_config.json", b"{}")),
    row("the folder above the adapters", "models-in-folders", "run holds no weights at its top, …",
        "give one of the folders in it: 'rank-16'", above, source="run"),
    row("the folder above the checkpoints of an adapter's ranks", "models-in-folders",
        "steps holds no weights at its top, …", "give one of the folders in it: 'checkpoint-9/r16'",
        above, source="steps"),
    row("a whole model and an adapter in one folder", "unsupported-model",
        "folder 'adapter' holds a whole model (model.safetensors) and an adapter "
        "(adapter_config.json)",
        "loaders take the adapter and its base; keep only the one that is meant",
        file("adapter/model.safetensors", b"")),
    row("a DoRA adapter", "unsupported-adapter",
        "masked factors of a DoRA adapter do not lead back to its base", MERGE,
        config(use_dora=True)),
    row("an adapter of another kind", "unsupported-adapter",
        "an adapter of type VERA can't be repaired", BY_HAND,
        config(peft_type="VERA")),
    row("an adapter of fused experts", "unsupported-adapter",
        "an adapter with target_parameters can't be repaired: it is no plain LoRA", BY_HAND,
        config(target_parameters=["mlp.experts.down_proj"]), options="--base base --merge"),
    row("an adapter that was started by PiSSA", "unsupported-adapter",
        "the adapter was started by pissa, which changes the base's own weights",
        "convert it to a plain LoRA: peft's save_pretrained with "
        "path_initial_model_for_weight_conversion", config(init_lora_weights="pissa")),
    row("a delta of an adapter", "usage", "an adapter has factors and no delta of its own",
        "add --merge to repair the whole model of adapter and base, or leave --subject out",
        options="--base base --subject delta --reference base"),
    Row("a whole model to merge", "usage", "--merge was given, and the source is no adapter",
        "leave --merge out; the aligned model is named with --reference", "--merge"),
    Row("a base of a whole model", "usage", "--base was given, and the source is no adapter",
        "leave --base out; the aligned model is named with --reference", "--base model"),
    Row("factors of a whole model", "usage", "the source is a whole model: it has no factors",
        "give the adapter, or leave the option out", "--subject factor"),
    Row("the published code's preset on a whole model", "usage",
        "the source is a whole model: it has no factors, which --preset antidote-official masks",
        "give the adapter, or leave the option out", "--preset antidote-official"),
    Row("another scorer than the preset's", "usage",
        "--preset antidote-paper is made with the scorer 'wanda'",
        "leave out --scorer, or --preset", "--preset antidote-paper --scorer magnitude"),
]  # fmt: skip
