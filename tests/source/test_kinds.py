"""Every kind of model that can't be repaired is refused before a byte of its weights is read."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

import modelrepair
from modelrepair.checkpoint.reader import TensorEntry
from modelrepair.engine.skeleton import loader_of
from modelrepair.errors import UnsupportedModelError
from modelrepair.source.kinds import LANGUAGE_MODEL, SEEING, kind_of, look_at
from modelrepair.source.look import Look
from modelrepair.source.resolve import resolve
from tests.support import tiny
from tests.support.model_kinds import MADE, Made, model

NONE = {"utility": "none", "borderline": "none", "reference": "none"}


def named(made: Made) -> str:
    return f"{made.kind} {made.what}".strip().replace(" ", "-")


def write(folder, files):
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


@pytest.fixture
def own(tmp_path):
    """A set of our own, so that none is fetched."""
    rows = [{"prompt": f"prompt {n}", "response": f"answer {n}"} for n in range(4)]
    (tmp_path / "own.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return tmp_path / "own.jsonl"


def refused(call, made: Made, where) -> None:
    with pytest.raises(UnsupportedModelError) as caught:
        call(where)
    assert made.said in str(caught.value)
    assert caught.value.hint.startswith(made.hint)
    assert caught.value.exit_code == 6
    assert "\n" not in f"{caught.value}{caught.value.hint}"


@pytest.mark.quick(
    "GGUF",
    "code-of-its-own",
    "encoder-decoder",
    "no-weights",
    "pickles",
    "quantised-gptq",
    "reward-model",
    "unknown-type",
)
@pytest.mark.parametrize("made", MADE, ids=named)
def test_it_is_refused_in_a_folder_and_on_the_hub(hub, tmp_path, own, made):
    folder = write(tmp_path / "model", made.files)
    hub.add("user/model", dict(made.files))
    out = tmp_path / "out"

    def fix(where):
        modelrepair.repair(where, realign=own, **NONE, scorer="wanda", out=out)

    def measure(where):
        modelrepair.measure(where, utility=own)

    for where in (folder, "user/model"):
        refused(fix, made, where)
        refused(measure, made, where)
        refused(lambda where: check_plan(where), made, where)
    assert not out.exists()
    assert not list((tmp_path / "cache").rglob("*.safetensors")), "nothing of the weights was kept"


def check_plan(where) -> None:
    from modelrepair.preflight.plan import check_plan as check

    made = modelrepair.plan(where)
    assert made.refused == (made.kind.why,)
    check(made)


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        ({}, LANGUAGE_MODEL),
        ({"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2"}, LANGUAGE_MODEL),
        ({"architectures": ["BartForCausalLM"], "model_type": "bart"}, LANGUAGE_MODEL),
        ({"architectures": ["LlamaModel"]}, LANGUAGE_MODEL),
        ({"architectures": None, "model_type": None}, LANGUAGE_MODEL),
        ({"architectures": ["Qwen2_5_VLForConditionalGeneration"], "model_type": "qwen2_5_vl"},
         SEEING),
        ({"architectures": ["LlavaForConditionalGeneration"], "model_type": "llava"}, SEEING),
    ],
)  # fmt: skip
def test_what_can_be_repaired(tmp_path, config, kind):
    folder = write(tmp_path / "model", model(config))
    found, headers = look_at(resolve(folder))
    assert (found.name, found.why) == (kind, None)
    assert headers is not None


def test_transformers_is_not_imported():
    code = (
        "import sys; from modelrepair.source.kinds import kind_of; from modelrepair.source.look "
        "import Look; kind_of(Look('a', ['model.safetensors'], {'model_type': 'llama'}, []));"
        "assert not {'torch', 'transformers'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("kind", tiny.ARCHITECTURES)
def test_no_layout_that_works_is_refused(kind):
    with torch.device("meta"):
        made = loader_of(tiny.config(kind)).from_config(tiny.config(kind))
    named = {**made.config.to_dict(), "architectures": [type(made).__name__]}
    entries = [
        TensorEntry(name, "model.safetensors", "BF16", tuple(tensor.shape), 0, 0)
        for name, tensor in made.state_dict().items()
    ]
    look = Look("a", ["config.json", "model.safetensors"], named, entries)
    assert kind_of(look).why is None
    assert kind_of(replace(look, config={**named, "architectures": None})).why is None
