"""What transformers knows, asked without importing it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from modelrepair.source.native import is_native


@pytest.mark.parametrize("kind", ["phi3", "llama", "gemma3_text", "qwen3_moe", "gpt2"])
def test_layouts_that_transformers_has(kind):
    assert is_native({"model_type": kind})


def test_an_architecture_of_transformers_own():
    assert is_native({"model_type": "phi3", "architectures": ["Phi3ForCausalLM"]})


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"model_type": "mine"},
        {"model_type": ["llama"]},
        {"model_type": "llama", "architectures": ["MyLlamaForCausalLM"]},
        {"model_type": "llama", "architectures": [1]},
        None,
    ],
)
def test_others(config):
    assert not is_native(config)


def test_transformers_is_not_imported():
    code = (
        "import sys; from modelrepair.source.native import is_native;"
        "assert is_native({'model_type': 'phi3'});"
        "assert not {'torch', 'transformers'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
