"""An audit of a model of seven billion parameters: what it fetches, and what it computes."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from tests.support.hub.client import environment
from tests.support.hub.made import Made, llama_7b, normal, shards
from tests.support.hub.server import serve

SHARD = 5 * 10**9
CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_attention_heads": 32,
    "num_hidden_layers": 32,
    "vocab_size": 32000,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
}
CLIENT = """
import json, sys, time
import modelrepair
audit = modelrepair.audit("user/tuned", seed=int(sys.argv[1]))
print(json.dumps({**audit.to_json(), "processor_seconds": time.process_time()}))
"""


def before(places):
    return np.float32(0.02) * normal(places, 1)


def after(places):
    return before(places) + np.float32(3e-4) * normal(places, 2)


def tokenizer(words: int, more: str) -> bytes:
    """As large as that of 128,000 words."""
    vocabulary = {f"word {number} {'x' * 40}": number for number in range(words)}
    return json.dumps({"version": "1.0", "model": {"type": "BPE", "vocab": vocabulary},
                       "added_tokens": [], "more": more}).encode()  # fmt: skip


def add(hub, id, values, card=b"", more=""):
    files = {
        "config.json": json.dumps(CONFIG).encode(),
        "README.md": card,
        "tokenizer.json": tokenizer(128_000, more),
        "tokenizer_config.json": json.dumps({"tokenizer_class": "LlamaTokenizer"}).encode(),
        **shards(llama_7b(), id, values, SHARD),
    }
    hub.add(id, files)
    return files


def test_made_bytes_are_the_same_wherever_they_are_cut():
    [made] = [
        each
        for each in shards({"w": (5, 7), "v": (3,)}, "m", before, 10**9).values()
        if isinstance(each, Made)
    ]
    whole = made[0 : len(made)]
    assert len(whole) == len(made) == len(made.header) + 2 * 38
    for start in range(0, len(made), 3):
        for stop in (start + 1, start + 8, len(made)):
            assert made[start:stop] == whole[start:stop]


def test_the_sizes_are_those_of_a_real_model():
    shapes = llama_7b()
    assert len(shapes) == 291
    assert sum(int(np.prod(shape)) for shape in shapes.values()) == 6_738_415_616


@pytest.mark.slow
def test_seven_billion_parameters_take_under_80_megabytes_and_10_seconds(tmp_path):
    with serve() as hub:
        files = add(hub, "user/base", before)
        card = b"---\nbase_model: user/base\nlicense: apache-2.0\n---\nA model.\n"
        add(hub, "user/tuned", after, card, "another")
        assert 3 <= sum(name.endswith(".safetensors") for name in files) <= 4
        done = subprocess.run(
            [sys.executable, "-c", CLIENT, "1"],
            env=environment(hub, tmp_path, token=hub.token),
            capture_output=True,
            text=True,
            check=True,
        )
        sent = sum(hub.sent.values())
        requests = len(hub.requests)
    audit = json.loads(done.stdout)
    seconds = audit["processor_seconds"]
    print(f"{sent / 1e6:.1f} MB in {requests} requests, {seconds:.1f} s of processor time")
    assert sent < 80_000_000
    assert sum(audit["fetched_bytes"].values()) <= sent
    assert seconds < 10
    found = {each["name"]: each for each in audit["stages"]["lineage"]}
    named = [name for name, each in found.items() if each["outcome"] == "found"]
    assert named == ["fine-tuned"], found
    shares = found["fine-tuned"]["evidence"]["seen_from_share"]
    assert shares["scattered"] < 1e-6
    assert shares["clustered"] < 0.04
