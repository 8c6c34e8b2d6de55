"""Models that judge: what they depend on, what is refused, and what they are kept from reading."""

from __future__ import annotations

import json
import shutil
from types import SimpleNamespace

import pytest

from modelrepair.errors import HubError, UnsupportedModelError
from modelrepair.judges.models import configuration, find_judge, loaded, what_it_is, without_marks
from modelrepair.judges.options import ClassifierOptions, ModelOptions
from modelrepair.plugin.judge import Exchange
from modelrepair.source.resolve import Source
from tests.support.classifying import judge, right


def test_its_files_are_what_it_depends_on(classifier_model, tmp_path):
    inputs = judge(classifier_model).inputs
    assert inputs["model"] == "judge"
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= inputs.keys()
    other = shutil.copytree(classifier_model, tmp_path / "judge")
    (other / "my-notes.txt").write_text("no file of the model")
    assert judge(other).inputs == inputs
    for name in ("vocab.tiktoken", "tokenizer_config.json"):
        before = judge(other).inputs
        (other / name).write_text("{}")
        assert judge(other).inputs != before


def test_a_model_without_a_head_for_it_is_refused(classifier_model, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(classifier_model, tmp_path / "headless")
    tensors = load_file(folder / "model.safetensors")
    tensors = {name: tensor for name, tensor in tensors.items() if "classifier" not in name}
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(UnsupportedModelError, match=r"lacks 2 weights .* classifier\.bias"):
        judge(folder).judge([Exchange("harmful", "How?", "No.", None)])


def test_pickles_and_code_are_refused(classifier_model, tmp_path):
    pickled = shutil.copytree(classifier_model, tmp_path / "pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    with pytest.raises(UnsupportedModelError, match="holds pickles only"):
        judge(pickled)
    coded = shutil.copytree(classifier_model, tmp_path / "coded")
    config = json.loads((coded / "config.json").read_text())
    config["auto_map"] = {"AutoConfig": "mine.Config", "AutoModelForSequenceClassification": "m.M"}
    config["model_type"] = "mine"
    (coded / "config.json").write_text(json.dumps(config))
    (coded / "mine.py").write_text("raise SystemExit('this ran')")
    with pytest.raises(UnsupportedModelError, match="can't be loaded"):
        judge(coded)


def test_a_model_of_the_hub_is_taken_at_its_commit(classifier_model, hub):
    files = {path.name: path.read_bytes() for path in classifier_model.iterdir()}
    first = hub.add("org/judge", files)
    second = hub.add("org/judge", {**files, "README.md": b"newer"})
    assert judge("org/judge").inputs == {"model": "org/judge", "commit": second}
    pinned = judge("org/judge", revision=first)
    assert pinned.inputs["commit"] == first
    assert right(pinned) > 0.98
    with pytest.raises(HubError, match="no revision 'v9'"):
        judge("org/judge", revision="v9")


def marked(*special, added=()):
    return SimpleNamespace(
        all_special_tokens=[*special],
        added_tokens_decoder=dict(enumerate(added)),
    )


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("nothing to see", "nothing to see"),
        ("yes<end>no", "yes no"),
        ("<end><end>", "  "),
        ("<user>hi<end>", " hi "),
        ("<end", "<end"),
    ],
)
def test_marks_of_the_judging_model_become_spaces(text, cleaned):
    assert without_marks(text, marked("<end>", added=["<user>"])) == cleaned


def test_a_mark_that_appears_where_another_was_taken_out_goes_too():
    # The space that replaces a mark is part of another one.
    tokenizer = marked("<a>", "x y")
    assert without_marks("x<a>y", tokenizer) == " "


def test_white_space_that_is_a_token_is_no_mark():
    assert without_marks("a  b\nc", marked("  ", added=["\n"])) == "a  b\nc"


def test_a_model_of_the_hub_is_what_its_commit_says_and_no_file_is_read(tmp_path):
    source = Source("org/judge", "c" * 40, tmp_path / "missing", "judge")
    assert what_it_is(source) == {"model": "org/judge", "commit": "c" * 40}


def test_a_config_that_transformers_does_not_know_is_refused_with_the_option(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "no-such-type"}')
    with pytest.raises(UnsupportedModelError, match=r"the judging model mine can't be") as caught:
        configuration(Source(None, None, tmp_path, "mine"))
    assert "--judge-option model=" in caught.value.hint


def test_a_model_is_loaded_ready_to_judge_and_transformers_speaks_as_before(classifier_model):
    from transformers.utils import logging

    logging.set_verbosity_warning()
    before = logging.get_verbosity(), logging.is_progress_bar_enabled()
    options = ClassifierOptions(str(classifier_model), device="cpu", arithmetic="bfloat16")
    source = find_judge(options)
    with loaded(source, options, "AutoModelForSequenceClassification") as (model, tokenizer):
        assert not model.training
        assert str(model.dtype) == "torch.bfloat16" and model.device.type == "cpu"
        assert tokenizer("hello").input_ids
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before


def test_a_folder_without_a_model_is_refused_when_it_is_loaded(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    source, options = Source(None, None, tmp_path, "empty"), ModelOptions(str(tmp_path))
    with (
        pytest.raises(UnsupportedModelError, match="the judging model empty can't be loaded"),
        loaded(source, options, "AutoModelForCausalLM"),
    ):
        pass
