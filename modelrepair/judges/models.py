"""Models that judge: found at one commit, loaded for the time that they judge, then let go."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from modelrepair.checkpoint.digests import digests
from modelrepair.checkpoint.kept_files import classify
from modelrepair.engine.device import find_device
from modelrepair.errors import (
    ModelRepairError,
    UnsupportedModelError,
    kind_and_message,
    out_of_memory,
)
from modelrepair.judges.options import ModelOptions
from modelrepair.source.resolve import Source, resolve, small_files
from modelrepair.text.readable import readable_path


def find_judge(options: ModelOptions, *, weights: bool = True) -> Source:
    """The judging model: a folder, or the Hub at one commit, with safetensors weights.

    Args:
        options: which.
        weights: whether it judges here; else its small files do.

    Raises:
        ModelRepairError: it can't be had, or has no safetensors weights.
    """
    if not weights:
        return small_files(options.model, options.revision)
    return resolve(options.model, options.revision)


def what_it_is(source: Source) -> dict[str, str]:
    """What the verdicts of a model depend on: its commit, or the digests of a folder's files."""
    if source.commit is not None:
        return {"model": str(source.id), "commit": source.commit}
    files = classify(source.folder)
    return {"model": source.name, **digests(source.folder, [*files.weights, *files.kept])}


@contextmanager
def loaded(source: Source, options: ModelOptions, kind: str) -> Iterator[tuple[Any, Any]]:
    """The model and its tokenizer, for the time of the context.

    Memory is held only while it judges: a repair needs it for other things between.

    Args:
        source: where it lies.
        options: device and arithmetic.
        kind: the class of transformers' that loads it, such as ``AutoModelForCausalLM``.

    Raises:
        UnsupportedModelError: it is no such model, lacks weights of it, or brings its own code.
    """
    import torch
    import transformers

    device = find_device(options.device)
    with _quietly(), readable_path(source.folder) as folder:
        try:
            tokenizer = transformers.AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
            model, info = getattr(transformers, kind).from_pretrained(
                folder,
                trust_remote_code=False,
                use_safetensors=True,
                dtype=getattr(torch, options.arithmetic),
                output_loading_info=True,
            )
        except Exception as error:
            if isinstance(error, ModelRepairError) or out_of_memory(error):
                raise
            line = kind_and_message(error, 200)
            raise _unfit(source, f"can't be loaded: {line}") from error
    if lacking := sorted(info["missing_keys"]):
        raise _unfit(source, f"lacks {len(lacking)} weights for judging, first {lacking[0]}")
    yield model.to(device).eval(), tokenizer


def tokenizer_of(source: Source) -> Any:
    """The tokenizer of a model that judges elsewhere.

    Raises:
        UnsupportedModelError: it can't be loaded.
    """
    from transformers import AutoTokenizer

    try:
        with _quietly(), readable_path(source.folder) as folder:
            return AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:
        raise _unfit(source, f"can't be loaded: {kind_and_message(error, 200)}") from error


def configuration(source: Source) -> Any:
    """The model's configuration; no weight is read.

    Raises:
        UnsupportedModelError: transformers does not know it.
    """
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(source.folder, trust_remote_code=False)
    except Exception as error:
        line = kind_and_message(error, 200)
        raise _unfit(source, f"can't be loaded: {line}") from error


def without_marks(text: str, tokenizer: Any) -> str:
    """A text without what the judging model would take for its own special tokens.

    An answer that spells them could end the question and answer it itself.
    """
    marks = {*tokenizer.all_special_tokens, *map(str, tokenizer.added_tokens_decoder.values())}
    words = sorted(mark for mark in marks if mark.strip())
    # The space in place of one may complete another that has a space in it.
    while found := [mark for mark in words if mark in text]:
        for mark in found:
            text = text.replace(mark, " ")
    return text


def _unfit(source: Source, what: str) -> UnsupportedModelError:
    return UnsupportedModelError(
        f"the judging model {source.id or source.name} {what}",
        hint="give a model of this kind, with its tokenizer, as --judge-option model=…",
    )


@contextmanager
def _quietly() -> Iterator[None]:
    """Without transformers' own bars and warnings: what matters of them becomes an error."""
    from transformers.utils import logging as found

    logging: Any = found

    level, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bar:
            logging.enable_progress_bar()
