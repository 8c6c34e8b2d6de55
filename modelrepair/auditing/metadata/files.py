"""Stage 1, files: what lies in the model besides its safetensors weights, by the names alone."""

from __future__ import annotations

from modelrepair.auditing.context import Context
from modelrepair.auditing.rule import Check, Finding, Rule, listed
from modelrepair.checkpoint.roles import role
from modelrepair.source.look import is_weights
from modelrepair.source.native import is_native

PICKLE = Rule(
    "MR-FIL-001",
    "metadata",
    "error",
    "pickle",
    "a file is a pickle, or of a kind that may hold one: loading it can run any code",
    "load the safetensors weights only; ask the author to remove the file",
)
CODE = Rule(
    "MR-FIL-002",
    "metadata",
    "warning",
    "code",
    "there is code beside the weights",
    "read it before anything loads it; never pass trust_remote_code unread",
)
AUTO_MAP = Rule(
    "MR-FIL-003",
    "metadata",
    "error",
    "auto-map",
    "a config asks loaders to run code of the repository, or of another one",
    "load it without trust_remote_code; transformers has most layouts of its own",
)
NO_WEIGHTS = Rule(
    "MR-FIL-004",
    "metadata",
    "warning",
    "no-safetensors",
    "there are no safetensors weights: what it computes was not looked at",
    "ask the author for safetensors; the other formats are not opened here",
)

_PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".nemo", ".pdparams", ".mar", ".pt2", ".torchscript")
"""Endings of other weights that are pickles or archives of pickles."""
_CONFIGS = ("config.json", "tokenizer_config.json", "processor_config.json",
            "preprocessor_config.json", "generation_config.json")  # fmt: skip


def pickles(context: Context) -> Finding:
    """Files that are pickles by their names; none of them is opened."""
    names = [name for name in context.target.files if _is_pickle(name)]
    if not names:
        return PICKLE.clear(f"none of {len(context.target.files)} files is a pickle by its name")
    return PICKLE.found(f"pickles: {listed(names)}", files=names, count=len(names))


def _is_pickle(name: str) -> bool:
    kind = role(name)
    return kind == "pickle" or (name.lower().endswith(_PICKLED) and kind != "hidden")


def code(context: Context) -> Finding:
    """Files of code by their names."""
    names = [name for name in context.target.files if role(name) == "code"]
    if not names:
        return CODE.clear("there is no file of code")
    return CODE.found(f"code: {listed(names)}", files=names, count=len(names))


def auto_map(context: Context) -> Finding:
    """Configs that name classes of the repository's own, or of another repository."""
    target = context.target
    asked = {
        name: found
        for name in _CONFIGS
        if name in target.files and (found := target.object(name).get("auto_map"))
    }
    if not asked:
        return AUTO_MAP.clear("no config asks for code of its own")
    others = sorted({each for found in asked.values() for each in _elsewhere(found)})
    native = not others and is_native(target.config)
    said = f", of other repositories: {listed(others)}" if others else ""
    said += "; transformers has the layout of its own" if native else ""
    return AUTO_MAP.found(
        f"auto_map in {listed(asked)}{said}",
        files=asked,
        severity="warning" if native else "error",
        auto_map=asked,
        repositories=others,
        native=native,
    )


def _elsewhere(auto_map: object) -> list[str]:
    """The other repositories that an ``auto_map`` names, as ``repository--module.Class``."""
    named = auto_map.values() if isinstance(auto_map, dict) else [auto_map]
    flat = [each for value in named for each in (value if isinstance(value, list) else [value])]
    return [each.partition("--")[0] for each in flat if isinstance(each, str) and "--" in each]


def no_weights(context: Context) -> Finding:
    """Whether there are weights of the one format that is read."""
    names = [name for name in context.target.files if is_weights(name)]
    if names:
        return NO_WEIGHTS.clear(f"{len(names)} safetensors files", count=len(names))
    others = [name for name in context.target.files if role(name) == "other weights"]
    said = f": {listed(others)}" if others else ""
    return NO_WEIGHTS.found(f"no safetensors weights{said}", files=others)


CHECKS: tuple[Check[Context], ...] = (
    (PICKLE, pickles),
    (CODE, code),
    (AUTO_MAP, auto_map),
    (NO_WEIGHTS, no_weights),
)
