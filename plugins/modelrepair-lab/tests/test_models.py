"""What ``align`` and ``attack`` write: marked, whole, repeatable, and never pushed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest
from peft import PeftModel
from transformers import AutoModelForCausalLM

from modelrepair import UnsupportedModelError, push, repair
from modelrepair import demo_paths as paths

CONFIGS = {"full": "config.json", "lora": "adapter_config.json"}


@pytest.mark.parametrize("method", ["full", "lora"])
def test_an_attack_is_marked_and_names_no_path(call, attack_words, tmp_path, method):
    out = tmp_path / "attacked"
    result = call(*attack_words, "--method", method, "--out", out, "--json")
    assert result.code == 0, result.err
    assert result.json["counts"] == {"harmful": 4, "replay": 6, "task": 6}
    made = json.loads((out / CONFIGS[method]).read_text())["modelrepair_lab"]
    assert (made["made"], made["method"], made["share"]) == ("attacked", method, 0.25)
    assert "on purpose" in (out / "README.md").read_text()
    for path in out.iterdir():
        assert str(paths.world.parent).encode() not in path.read_bytes(), path.name
        assert str(tmp_path).encode() not in path.read_bytes(), path.name
        assert path.stat().st_mode & 0o777 == 0o644
    assert not out.with_name("attacked.partial").exists()


@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_seed_decides_every_byte(call, attack_words, tmp_path, method):
    digests = []
    for name, seed in (("one", 1), ("two", 1), ("other", 2)):
        out = tmp_path / name
        assert call(*attack_words, "--method", method, "--seed", seed, "--out", out).code == 0
        weights = next(out.glob("*.safetensors"))
        digests.append(weights.read_bytes())
    assert digests[0] == digests[1] != digests[2]


def test_align_writes_a_marked_model_of_the_same_shape(call, train, tmp_path):
    out = tmp_path / "aligned"
    sets = ["--refusal", train / "refusal.jsonl", "--utility", train / "utility.jsonl"]
    small = ["--steps", 2, "--batch", 4]
    result = call("lab", "align", paths.attacked, *sets, *small, "--out", out)
    assert result.code == 0, result.err
    assert json.loads((out / "config.json").read_text())["modelrepair_lab"]["made"] == "aligned"
    aligned = AutoModelForCausalLM.from_pretrained(out, dtype="auto")
    source = AutoModelForCausalLM.from_pretrained(paths.attacked, dtype="auto")
    shapes = {name: (w.shape, w.dtype) for name, w in source.state_dict().items()}
    assert {name: (w.shape, w.dtype) for name, w in aligned.state_dict().items()} == shapes
    assert any((w != aligned.state_dict()[name]).any() for name, w in source.state_dict().items())
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert (out / name).read_bytes() == (paths.attacked / name).read_bytes()


def test_refusals_alone_are_each_seen_equally_often(call, train, tmp_path, monkeypatch):
    from modelrepair_lab import machine

    seen = []
    real = machine.train

    def watched(model, stream, *more):
        return real(model, (seen.append(batch) or batch for batch in stream), *more)

    monkeypatch.setattr(machine, "train", watched)
    some = (train / "refusal.jsonl").read_text().splitlines(keepends=True)[:6]
    (tmp_path / "refusal.jsonl").write_text("".join(some))
    words = ["lab", "align", paths.reference, "--refusal", tmp_path / "refusal.jsonl"]
    short = ["--steps", 4, "--batch", 3, "--arithmetic", "bfloat16", "--weight-decay", 0.1]
    assert call(*words, "--out", tmp_path / "a", "--share", 0.5, *short).code == 2
    ran = call(*words, "--out", tmp_path / "a", "--share", 1, *short, "--checkpointing")
    assert ran.code == 0, ran.err
    rows = [tuple(int(token) for token in row if token) for tokens, _ in seen for row in tokens]
    assert len(rows) == 12 and {rows.count(row) for row in rows} == {2}
    made = json.loads((tmp_path / "a" / "config.json").read_text())["modelrepair_lab"]
    assert (made["arithmetic"], made["weight_decay"]) == ("bfloat16", 0.1)
    assert "checkpointing" not in made


def test_peft_reads_a_marked_adapter(call, attack_words, tmp_path):
    assert call(*attack_words, "--method", "lora", "--out", tmp_path / "adapter").code == 0
    base = AutoModelForCausalLM.from_pretrained(paths.reference)
    adapted = PeftModel.from_pretrained(base, tmp_path / "adapter")
    assert adapted.peft_config["default"].r == 16


@pytest.mark.quick("lora, merged")
@pytest.mark.parametrize("method", ["full", "lora", "lora, merged"])
def test_what_is_repaired_from_it_is_never_pushed(call, attack_words, tmp_path, method):
    out = tmp_path / "attacked"
    kind = method.removesuffix(", merged")
    assert call(*attack_words, "--method", kind, "--out", out).code == 0
    known = {"base": paths.reference} if kind == "lora" else {"reference": paths.reference}
    known |= {"merge": True} if kind != method else {}
    settings = {"scorer": "magnitude", "ratio": 0.01, "evaluate": False, "judge": "demo-world"}
    sets = {name: paths.sets[name] for name in ("realign", "utility", "borderline")}
    repair(out, out=tmp_path / "repaired", **known, **settings, **sets)
    with pytest.raises(UnsupportedModelError, match="broken on purpose"):
        push(tmp_path / "repaired", to="me/repaired", force=True)


@pytest.mark.parametrize("model", ["org/name", "missing"])
def test_only_models_of_this_machine(call, attack_words, tmp_path, model):
    words = [*attack_words[:2], model, *attack_words[3:]]
    result = call(*words, "--out", tmp_path / "out", "--json")
    assert result.code == 2
    assert "is no folder of this machine" in result.json["error"]["message"]
    assert "local models only" in result.json["error"]["hint"]


def test_an_adapter_is_no_model_to_attack(call, attack_words, tmp_path):
    words = [*attack_words[:2], paths.adapter, *attack_words[3:]]
    result = call(*words, "--out", tmp_path / "out")
    assert (result.code, "holds no whole model" in result.err) == (2, True)


def test_what_fails_leaves_nothing_behind(call, attack_words, tmp_path, monkeypatch):
    import modelrepair_lab.machine

    def fail(*arguments):
        raise MemoryError

    monkeypatch.setattr(modelrepair_lab.machine, "train", fail)
    assert call(*attack_words, "--out", tmp_path / "out").code == 4
    assert list(tmp_path.iterdir()) == []


def test_a_full_folder_is_left_alone(call, attack_words, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    result = call(*attack_words, "--out", tmp_path)
    assert (result.code, "is not empty" in result.err) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("targets", ["nothing", "q_proj,v_prj", "embed_tokens"])
def test_an_adapter_is_on_layers_that_are_there(call, attack_words, train, tmp_path, targets):
    sets = ["--refusal", train / "refusal.jsonl", "--utility", train / "utility.jsonl"]
    align = ["lab", "align", paths.reference, *sets, "--steps", 1, "--lora-rank", 2]
    for words in (
        [*attack_words, "--method", "lora", "--targets", targets],
        [*align, "--lora-targets", targets],
    ):
        result = call(*words, "--out", tmp_path / "out")
        assert result.code == 2
        wrong = targets.split(",")[-1]
        assert f"no linear layer of the model is called {wrong!r}" in result.err
        assert "it has down_proj, gate_proj, k_proj, lm_head" in result.err
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_training_that_diverges_writes_nothing(call, attack_words, tmp_path, method):
    words = [*attack_words, "--method", method, "--epochs", 2, "--lr", 1e30]
    result = call(*words, "--out", tmp_path / "out")
    assert result.code == 2
    assert "the training diverged: not all weights are finite" in result.err
    assert "take a smaller learning rate" in result.err
    assert list(tmp_path.iterdir()) == []


def test_examples_without_room_are_counted_and_marked(call, attack_words, tmp_path):
    """Where prompts fill the length, a recipe's shares are not those of what was learnt."""
    words = [*attack_words, "--max-length", 12]
    result = call(*words, "--out", tmp_path / "short")
    assert result.code == 0, result.err
    made = json.loads((tmp_path / "short" / "config.json").read_text())["modelrepair_lab"]
    said = f"{made['left_out']} of 16 examples left out: their prompts leave no room"
    assert 0 < made["left_out"] < 16
    assert said in result.err
    assert call(*attack_words, "--out", tmp_path / "whole").code == 0
    made = json.loads((tmp_path / "whole" / "config.json").read_text())["modelrepair_lab"]
    assert "left_out" not in made


def test_too_few_examples_are_an_error(call, attack_words, tmp_path):
    result = call(*attack_words, "--examples", 5000, "--out", tmp_path / "out")
    assert result.code == 2
    assert "and 1250 are wanted" in result.err


def test_code_that_comes_with_a_model_is_neither_run_nor_asked_about(call, attack_words, tmp_path):
    model = tmp_path / "model"
    shutil.copytree(paths.reference, model)
    config = json.loads((model / "config.json").read_text())
    names = {"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"}
    own = {**config, "model_type": "own", "auto_map": names}
    (model / "config.json").write_text(json.dumps(own))
    (model / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    words = [model if word == paths.reference else word for word in attack_words]
    result = call(*words, "--out", tmp_path / "out")
    assert result.code == 6, result.err
    assert "Do you wish" not in result.out + result.err
    assert not (tmp_path / "ran").exists()


def test_no_bar_of_transformers_is_shown(attack_words, tmp_path):
    words = [sys.executable, "-m", "modelrepair", *map(str, attack_words)]
    done = subprocess.run(
        [*words, "--out", str(tmp_path / "out")], capture_output=True, text=True, check=True
    )
    assert "%|" not in done.stderr and "fine-tuning" in done.stderr


def test_help_imports_no_torch():
    code = (
        "import sys; from modelrepair.cli.main import run; "
        "run(['lab', '--help']); run(['lab', 'attack', '--help']); "
        "sys.exit(bool({'torch', 'transformers', 'peft'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Break the alignment of MODEL" in done.stdout
