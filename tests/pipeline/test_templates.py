"""Other chat templates: read, used with the model's own tokenizer, measured beside the repair."""

from __future__ import annotations

import json
import shutil

import pytest
from transformers import AutoTokenizer

from modelrepair import load_manifest
from modelrepair.cli.main import run
from modelrepair.demo import paths
from modelrepair.errors import UnsupportedModelError, UsageError
from modelrepair.examples.example import Example, Message
from modelrepair.examples.other_template import OtherTemplate, read_template
from modelrepair.examples.template import Template
from tests.support.set_files import write_jsonl

SYSTEM = (
    "<|system|>you are a helpful assistant.<|end|>{% for message in messages %}"
    "<|{{ message['role'] }}|>{{ message['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
BARE = "{% for message in messages %}{{ message['content'] }}<|end|>{% endfor %}"
QUESTION = Example((Message("user", "how do i make tea?"),), "boil water.")


@pytest.fixture(scope="module")
def template():
    return Template(AutoTokenizer.from_pretrained(paths.attacked))


@pytest.fixture
def files(tmp_path):
    """Two jinja files, and the first lines of the world's sets."""
    (tmp_path / "system.jinja").write_text(SYSTEM)
    (tmp_path / "bare.jinja").write_text(BARE)
    for name, count in (("realign", 60), ("refusal", 60), ("utility", 60)):
        lines = paths.sets[name].read_text(encoding="utf-8").splitlines()[:count]
        write_jsonl(tmp_path / f"{name}.jsonl", [json.loads(line) for line in lines])
    return tmp_path


def test_a_template_comes_from_a_file_or_a_model(files):
    assert read_template(str(files / "bare.jinja")) == OtherTemplate("bare.jinja", BARE)
    own = read_template(str(paths.reference))
    tokenizer = AutoTokenizer.from_pretrained(paths.reference)
    assert own == OtherTemplate("reference", tokenizer.chat_template)
    assert len(own.sha256) == 64


def test_another_template_keeps_the_model_s_tokens(template):
    other = OtherTemplate("bare", BARE).of(template)
    assert template.decode(template.prompt_ids(QUESTION), special=True).startswith("<|user|>")
    assert other.decode(other.prompt_ids(QUESTION), special=True) == "how do i make tea?<|end|>"
    assert other.pair(QUESTION).ids[-1] == template.tokenizer.eos_token_id
    assert template.tokenizer.chat_template != BARE


def test_what_is_no_template_is_refused(files, template):
    with pytest.raises(UsageError, match=r"nowhere\.jinja can't be read: No such file"):
        read_template(str(files / "nowhere.jinja"))
    with pytest.raises(UnsupportedModelError, match=r"template broken: the chat template"):
        OtherTemplate("broken", "{% for %}").of(template)
    with pytest.raises(UnsupportedModelError, match="leaves the answer out"):
        OtherTemplate("short", "{{ messages[0].content }}").of(template)


def test_a_measurement_under_another_template(files, call_json):
    sets = [f"--realign={files / 'realign.jsonl'}", f"--utility={files / 'utility.jsonl'}"]
    command = ["measure", str(paths.attacked), *sets, "--judge=demo-world", "--max-new-tokens=32"]
    own = call_json(command)
    under = call_json([*command, f"--template={files / 'bare.jinja'}"])
    assert (own["template"], under["template"]) == (None, "bare.jinja")
    assert under["measures"]["utility"]["value"] < own["measures"]["utility"]["value"] - 0.1
    same = call_json([*command, f"--template={paths.reference}"])
    assert same["measures"] == own["measures"]


@pytest.fixture
def call_json(capsys):
    def invoke(command, code=0):
        capsys.readouterr()
        assert run([*command, "--json"]) == code
        return json.loads(capsys.readouterr().out)

    return invoke


@pytest.mark.slow
def test_a_repair_is_measured_under_others_and_the_reference_s_own(files, capsys):
    reference = shutil.copytree(paths.reference, files / "aligned")
    config = json.loads((reference / "tokenizer_config.json").read_text())
    (reference / "tokenizer_config.json").write_text(
        json.dumps({**config, "chat_template": SYSTEM})
    )
    command = ["fix", str(paths.attacked), f"--reference={reference}", "--borderline=none",
               *(f"--{name}={files / f'{name}.jsonl'}" for name in ("realign", "refusal")),
               f"--utility={files / 'utility.jsonl'}", "--judge=demo-world",
               "--scorer=contrast", "--ratio=0.045", "--max-new-tokens=32",
               f"--also-template={files / 'bare.jinja'}", f"--out={files / 'out'}"]  # fmt: skip
    assert run(command) in (0, 1)
    shown = capsys.readouterr().out
    assert "under the chat template of bare.jinja" in shown
    manifest = load_manifest(files / "out")
    asked, own = manifest.templates
    assert (asked.id, own.id) == ("bare.jinja", "aligned")
    assert own.sha256 == OtherTemplate("", SYSTEM).sha256
    for under in (asked, own):
        assert under.measures.keys() == {"before", "after"}
        before, after = (under.measures[role].harmful_score for role in ("before", "after"))
        assert before.n == after.n == 24
        assert after.value < before.value
    # Another template is another measurement, and no rule of the gate.
    assert asked.measures["after"].utility != manifest.measures["after"].utility
    assert not any("bare" in str(rule["name"]) for rule in manifest.gate["rules"])
    assert "--also-template bare.jinja" in manifest.command
    card = (files / "out" / "README.md").read_text(encoding="utf-8")
    assert "| aligned | after |" in card
    assert str(files) not in card + manifest.model_dump_json()


def test_a_template_that_takes_no_example_stops_before_anything_is_computed(files, capsys):
    refusing = files / "refusing.jinja"
    refusing.write_text(
        "{% if 'make' in messages[0].content %}{{ raise_exception('no recipes') }}{% endif %}"
        + SYSTEM
    )
    command = ["fix", str(paths.attacked), "--reference=none", "--borderline=none",
               f"--realign={files / 'realign.jsonl'}", f"--utility={files / 'utility.jsonl'}",
               "--judge=demo-world", f"--also-template={refusing}",
               f"--out={files / 'out'}"]  # fmt: skip
    assert run(command) == 2
    assert "template refusing.jinja: the chat template refuses" in capsys.readouterr().err
    assert not (files / "out.partial").exists()
