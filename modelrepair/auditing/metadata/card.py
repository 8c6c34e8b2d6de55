"""Stage 1, the card: what it says the model is for, against config and files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from modelrepair.auditing.context import Context
from modelrepair.auditing.opened import Opened
from modelrepair.auditing.rule import Check, Finding, Rule
from modelrepair.source.native import classes_for
from modelrepair.text.printable import printable

LIBRARY = Rule(
    "MR-CRD-001",
    "metadata",
    "warning",
    "library-contradicts",
    "the card names a library that the files are not made for",
    "ask the author to correct library_name; load it with the library that its files are for",
)
TASK = Rule(
    "MR-CRD-002",
    "metadata",
    "warning",
    "task-contradicts",
    "the card names a task that the classes in config.json are not for",
    "ask the author to correct pipeline_tag or architectures",
)


def _has(*endings: str) -> Callable[[Opened], bool]:
    return lambda target: any(name.lower().endswith(endings) for name in target.files)


_LIBRARIES: Mapping[str, tuple[Callable[[Opened], bool], str]] = {
    "peft": (lambda target: target.is_adapter, "adapter_config.json"),
    "transformers": (
        lambda target: "config.json" in target.files or target.is_adapter,
        "config.json",
    ),
    "diffusers": (_has("model_index.json", "adapter_config.json", ".safetensors"), "weights"),
    "sentence-transformers": (
        _has("modules.json", "config_sentence_transformers.json"),
        "modules.json",
    ),
    "gguf": (_has(".gguf"), "a GGUF file"),
    "llama.cpp": (_has(".gguf"), "a GGUF file"),
    "transformers.js": (_has(".onnx"), "an ONNX file"),
    "onnx": (_has(".onnx"), "an ONNX file"),
}
"""Library → whether the files can be for it, and what it needs."""

_TASKS: Mapping[str, tuple[str, ...]] = {
    "text-generation": ("CAUSAL_LM", "IMAGE_TEXT_TO_TEXT", "SEQ_TO_SEQ_CAUSAL_LM"),
    "text2text-generation": ("SEQ_TO_SEQ_CAUSAL_LM",),
    "image-text-to-text": ("IMAGE_TEXT_TO_TEXT",),
    "text-classification": ("SEQUENCE_CLASSIFICATION",),
    "token-classification": ("TOKEN_CLASSIFICATION",),
    "question-answering": ("QUESTION_ANSWERING",),
    "fill-mask": ("MASKED_LM",),
}
"""Task of the Hub → transformers' names for it."""
_KNOWN = tuple(dict.fromkeys(task for tasks in _TASKS.values() for task in tasks))


def library(context: Context) -> Finding:
    """Whether the files can be for the library that the card names."""
    target = context.target
    said = target.card.get("library_name")
    if not isinstance(said, str):
        return LIBRARY.clear("the card names no library")
    name = printable(said)[:60]
    if said.lower() not in _LIBRARIES:
        return LIBRARY.inconclusive(f"what {name} needs is not known here", library=name)
    fits, needs = _LIBRARIES[said.lower()]
    if fits(target):
        return LIBRARY.clear(f"{name}, and {needs} is there", library=name)
    return LIBRARY.found(f"the card says {name}, and {needs} is not there", library=name)


def task(context: Context) -> Finding:
    """Whether the classes of ``config.json`` are for the task that the card names."""
    target = context.target
    said = target.card.get("pipeline_tag")
    if not isinstance(said, str):
        return TASK.clear("the card names no task")
    name, classes = printable(said)[:60], architectures(target)
    evidence: dict[str, Any] = {"task": name, "architectures": classes}
    known = {each: _tasks_of(each) for each in classes}
    if said not in _TASKS or not any(known.values()):
        return TASK.inconclusive(
            f"whether the classes are for {name} is not known here", **evidence
        )
    # A bare or unknown class beside a known one decides nothing.
    if any(set(_TASKS[said]) & set(tasks) for tasks in known.values()):
        return TASK.clear(f"{classes[0]} is for {name}", **evidence)
    shown = ", ".join(each for each, tasks in known.items() if tasks)
    return TASK.found(f"the card says {name}, and {shown} is not for it", **evidence)


def architectures(target: Opened) -> list[str]:
    """The classes that a model's config names.

    >>> from modelrepair.demo import paths
    >>> from modelrepair.auditing.opened import opened
    >>> with opened(paths.attacked) as model:
    ...     architectures(model)
    ['LlamaForCausalLM']

    Args:
        target: the model.

    Raises:
        ModelRepairError: its config can't be read.
    """
    found = target.config.get("architectures")
    names = found if isinstance(found, list) else []
    return [printable(each)[:100] for each in names if isinstance(each, str)]


def _tasks_of(name: str) -> list[str]:
    return [each for each in _KNOWN if name in classes_for(each).values()]


CHECKS: tuple[Check[Context], ...] = ((LIBRARY, library), (TASK, task))
