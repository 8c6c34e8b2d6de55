"""Nothing that a model needs is left behind: the files kept load as the whole source does."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from modelrepair.artifact.rewriting import CODE, PATHS
from modelrepair.checkpoint.kept_files import Files, reason_left_behind
from modelrepair.checkpoint.untrusted import find_file
from modelrepair.errors import DamagedCheckpointError, UnsupportedModelError
from modelrepair.moving import remove, temporary_folder
from modelrepair.text.pasted import pasted
from modelrepair.text.readable import readable_path

PROBES = (
    "Hello, world! It's 3 o'clock.",
    "def f(x):\n\treturn  x + 1\n",
    "Ünïcödé, 模型, 🙂 и\u0301",
)
LARGEST = 64 * 2**20
"""Bytes of a file that is tried as what is missing."""
MOST = 20

Look = Callable[[Path], object]


def check_beside(folder: Path, files: Files, name: str) -> None:
    """Load config, tokenizer, templates and processor from the kept files, and from all of them.

    None of the source's code runs; what can't be loaded from the source need not load without
    the rest either.

    >>> check_beside(Path("model"), classify("model"), "model")  # doctest: +SKIP

    Args:
        folder: the source.
        files: what is kept of it, and what is not.
        name: what the source is called.

    Raises:
        UnsupportedModelError: something is another without what is left behind.
    """
    with temporary_folder() as place:
        alone = place / "model"
        alone.mkdir()
        _copy(folder, files.kept, alone)
        for what, look in LOOKS.items():
            wanted = seen(look, folder)
            if seen(look, alone) != wanted:
                missing = _missing(folder, files.left_behind, alone, look, wanted)
                raise UnsupportedModelError(
                    f"without the files that stay behind, {name} has another {what}",
                    hint=f"{pasted(['--include', missing])} takes the file along that it needs"
                    if missing
                    else "name the files that it needs with --include",
                )


def check_output(folder: Path, staged: Path, name: str) -> None:
    """Load the same of the repaired model and of its source, whatever was rewritten between them.

    >>> check_output(Path("model"), Path("model-repaired"), "model")  # doctest: +SKIP

    Args:
        folder: the source, merged where it is.
        staged: what will be published.
        name: what the source is called.

    Raises:
        DamagedCheckpointError: something is another.
    """
    for what, look in LOOKS.items():
        if seen(look, staged) != seen(look, folder):
            raise DamagedCheckpointError(
                f"the repaired model of {name} would have another {what}",
                hint="this is a bug; report it with the names of the model's files",
            )


def seen(look: Look, folder: Path) -> object:
    """What a loader makes of a folder; of an error, its kind.

    >>> seen(lambda folder: folder.name, Path("model"))
    'model'
    >>> seen(lambda folder: 1 // 0, Path("model"))
    'ZeroDivisionError'
    """
    try:
        with readable_path(folder.absolute()) as path:
            return look(path)
    except Exception as error:
        return type(error).__name__


def _config(folder: Path) -> object:
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    return _plain(config.to_dict(), folder)


def _generation_config(folder: Path) -> object:
    from transformers import GenerationConfig

    config = GenerationConfig.from_pretrained(folder, local_files_only=True)
    return _plain(config.to_dict(), folder)


def _tokenizer(folder: Path) -> object:
    tokenizer = _load_tokenizer(folder)
    return (
        type(tokenizer).__name__,
        tokenizer.get_vocab(),
        {name: str(token) for name, token in tokenizer.special_tokens_map.items()},
        [tokenizer(text)["input_ids"] for text in PROBES],
        tokenizer.model_max_length,
        tokenizer.padding_side,
    )


def _template(folder: Path) -> object:
    template = _load_tokenizer(folder).chat_template
    return template if isinstance(template, dict) else str(template)


def _processor(folder: Path) -> object:
    if not any(folder.glob("*processor_config.json")):
        return None
    from transformers import AutoProcessor

    load: Any = AutoProcessor.from_pretrained
    made = load(folder, trust_remote_code=False, local_files_only=True)
    return type(made).__name__, _plain(made.to_dict(), folder)


def _load_tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)


LOOKS: Mapping[str, Look] = {
    "config": _config,
    "generation config": _generation_config,
    "tokenizer": _tokenizer,
    "chat template": _template,
    "processor": _processor,
}


def _plain(values: Any, folder: Path) -> str:
    """A config as text, without where it was loaded from, and what no native loader reads."""
    return repr(_unmoved(values)).replace(str(folder), "")


def _unmoved(value: Any) -> Any:
    """A value without the keys that a repair may rewrite, at any depth."""
    if isinstance(value, Mapping):
        return {k: _unmoved(item) for k, item in value.items() if k not in (*PATHS, CODE)}
    return [_unmoved(item) for item in value] if isinstance(value, list | tuple) else value


def _copy(folder: Path, names: Iterable[str], into: Path) -> None:
    for name in names:
        found = find_file(folder, name)
        if found is not None:
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(found, into / name)


def _missing(
    folder: Path, left_behind: Mapping[str, str], alone: Path, look: Look, wanted: object
) -> str | None:
    """The one file of those left behind with which it is as it was, where there is one."""
    open_to_include = [
        name
        for name, reason in left_behind.items()
        if reason == reason_left_behind(name, (), ()) and reason_left_behind(name, ["*"]) is None
    ]
    for name in open_to_include[:MOST]:
        if (folder / name).stat().st_size > LARGEST:
            continue
        _copy(folder, [name], alone)
        if seen(look, alone) == wanted:
            return name
        remove(alone / name)
    return None
