"""Roles against the names that the installed transformers itself reads and writes."""

from __future__ import annotations

import pytest
import transformers
from transformers import GenerationConfig
from transformers.models.auto.tokenization_auto import TOKENIZER_MAPPING_NAMES

from modelrepair.checkpoint.roles import holds_weights, is_of_the_model, loaded, role
from modelrepair.engine.skeleton import loader_of
from tests.support import tiny
from tests.support.chat_tokenizers import make_tokenizer

TOKENIZERS = sorted(
    {
        name
        for names in TOKENIZER_MAPPING_NAMES.values()
        for name in ([names] if isinstance(names, str) else names or [])
        if name
    }
)
PROCESSORS = ["CLIPImageProcessor", "SiglipImageProcessor", "WhisperFeatureExtractor"]


def written(folder) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]


def test_every_vocabulary_of_the_installed_transformers_has_its_role():
    seen = set()
    for name in TOKENIZERS:
        try:
            names = getattr(transformers, name).vocab_files_names
        except (ImportError, AttributeError):
            continue  # of a package that is not here, or made of two tokenizers
        for file in names.values():
            assert role(file) == "tokenizer", f"{name}: {file}"
        seen.add(name)
    assert len(seen) >= 40


def test_every_name_in_the_constants_of_transformers_has_its_role():
    utils = transformers.utils
    for name, roles in {
        "CONFIG_NAME": "config",
        "GENERATION_CONFIG_NAME": "generation config",
        "FEATURE_EXTRACTOR_NAME": "processor",
        "IMAGE_PROCESSOR_NAME": "processor",
        "VIDEO_PROCESSOR_NAME": "processor",
        "PROCESSOR_NAME": "processor",
        "AUDIO_TOKENIZER_NAME": "tokenizer",
        "SAFE_WEIGHTS_NAME": "weights",
        "SAFE_WEIGHTS_INDEX_NAME": "index",
        "WEIGHTS_NAME": "other weights",
        "WEIGHTS_INDEX_NAME": "index",
    }.items():
        value = getattr(utils, name, None) or getattr(transformers.utils.hub, name)
        assert role(value) == roles, name


@pytest.mark.parametrize("kind", tiny.ARCHITECTURES)
def test_what_save_pretrained_of_a_model_writes(kind, tmp_path):
    """Without weights: a family's config and generation config, by its own classes."""
    config = tiny.config(kind)
    config.save_pretrained(tmp_path)
    GenerationConfig.from_model_config(config).save_pretrained(tmp_path)
    assert type(config) in loader_of(config)._model_mapping
    names = written(tmp_path)
    assert {"config.json", "generation_config.json"} <= set(names)
    assert {role(name) for name in names} == {"config", "generation config"}


def test_what_save_pretrained_of_a_whole_model_writes(tmp_path):
    tiny.save("llama", tmp_path, shard="20KB")
    roles = {name: role(name) for name in written(tmp_path)}
    assert set(roles.values()) == {"weights", "index", "config", "generation config"}


@pytest.mark.parametrize("several", [False, True])
def test_what_save_pretrained_of_a_tokenizer_writes(several, tmp_path):
    tokenizer = make_tokenizer("chatml")
    tokenizer.add_special_tokens({"additional_special_tokens": ["<extra>"]})
    template = "{{ messages }}"
    tokenizer.chat_template = {"default": template, "rag": template} if several else template
    tokenizer.save_pretrained(tmp_path)
    names = written(tmp_path)
    assert "chat_template.jinja" in names
    assert {role(name) for name in names} == {"tokenizer", "template"}


@pytest.mark.parametrize("name", PROCESSORS)
def test_what_save_pretrained_of_a_processor_writes(name, tmp_path):
    try:
        made = getattr(transformers, name)()
    except ImportError as error:
        pytest.skip(str(error))
    made.save_pretrained(tmp_path)
    assert {role(name) for name in written(tmp_path)} == {"processor"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Config.JSON", "config"),
        ("a/b/c/d/e/f/g/tokenizer.json", "tokenizer"),
        ("special_tokens.json", "other"),
        ("key_map.json", "other"),
        ("模型.json", "other"),
        ("LICENSE", "licence"),
        ("license.pem", "credentials"),
        ("training_args.bin", "training state"),
        ("logo.svg", "media"),
        ("repair/mask.safetensors", "ours"),
    ],
)
def test_roles(name, expected):
    assert role(name) == expected


@pytest.mark.parametrize(
    ("name", "expected", "read_as"),
    [
        ("model.pte", "other weights", "weights"),
        ("model.TorchScript", "other weights", "weights"),
        ("model.q4_k_m", "other weights", "weights"),
        ("model.pdparams", "other weights", "weights"),
        ("model.mar", "other weights", "weights"),
        ("variables/variables.data-00000-of-00001", "other weights", "weights"),
        ("a/model.gguf.part1of2", "other weights", "weights"),
        ("model.safetensors.bak", "other weights", "weights"),
        ("model.safetensors.sha256", "other", None),
        ("model.onnx.json", "other", None),
        ("model.safetensors.index.fp16.json", "index", "weights"),
        ("pytorch_model.bin.index.json", "index", "weights"),
        ("search.index.json", "other", None),
        ("model.sav", "pickle", "pickle"),
        ("optimizer.pt", "training state", "weights"),
        ("optimizer.json", "training state", None),
        ("checkpoint-5/model.bin.py", "training state", "code"),
        (".hidden/tokenizer.json", "hidden", "config"),
        ("repair/model.safetensors", "ours", "weights"),
        ("a/additional_chat_templates/rag.jinja", "template", "config"),
        ("LICENSE", "licence", None),
        ("backup.tar.gz", "archive", None),
        ("", "other", None),
    ],
)
def test_what_is_kept_and_what_is_found_follow_one_table(name, expected, read_as):
    assert (role(name), loaded(name)) == (expected, read_as)
    assert holds_weights(name) == (read_as in ("weights", "pickle"))


def test_a_config_of_another_model():
    assert is_of_the_model("config.json")
    assert not is_of_the_model("vae/config.json")
