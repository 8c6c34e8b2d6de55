"""``modelrepair lab align --method``: what it writes, and what it refuses."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch
from transformers import AutoModelForCausalLM

from modelrepair import UnsupportedModelError, push, repair
from modelrepair import demo_paths as paths

SMALL = ["--steps", 2, "--batch", 4, "--lr", "1e-3"]
DEFENCES = {
    "vaccine": {"name": "vaccine", "rho": 2.0},
    "repnoise": {"name": "repnoise", "alpha": 1.0, "beta": 0.001, "variant": "paper"},
    "tar": {
        "name": "tar",
        "inner_steps": 8,
        "every": 4,
        "inner_rate": 2e-5,
        "slope": 0.0625,
        "weight": 4.0,
        "retain": 1.0,
        "variant": "paper",
    },
}
HARMED = ("repnoise", "tar")


@pytest.fixture
def words(train):
    sets = ["--refusal", train / "refusal.jsonl", "--utility", train / "utility.jsonl"]
    return ["lab", "align", paths.attacked, *sets, *SMALL]


@pytest.fixture
def few(train, tmp_path):
    """A handful of each set: reading all takes longer than two steps."""
    for name in ("refusal", "utility", "known-harmful"):
        lines = (train / f"{name}.jsonl").read_text().splitlines()
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines[:20]) + "\n")
    sets = ["--refusal", tmp_path / "refusal.jsonl", "--utility", tmp_path / "utility.jsonl"]
    return ["lab", "align", paths.attacked, *sets, *SMALL]


def harmful(few, method):
    name = few[few.index("--refusal") + 1].with_name("known-harmful.jsonl")
    return ["--harmful", name] if method in HARMED else []


@pytest.mark.parametrize("word", ["--lora-alpha", "--lora-targets"])
def test_options_of_an_adapter_need_one(call, few, tmp_path, word):
    result = call(*few, word, 8, "--out", tmp_path / "out")
    assert (result.code, f"{word} without an adapter" in result.err) == (2, True)
    assert "give --lora-rank, too" in result.err


def test_vaccine_computes_its_states_once(call, few, tmp_path):
    words = [*few, "--method", "vaccine", "--checkpointing", "--out", tmp_path / "out"]
    result = call(*words)
    assert result.code == 2
    assert "vaccine changes states while they are computed" in result.err
    assert "leave out --checkpointing" in result.err


@pytest.mark.parametrize("method", DEFENCES)
def test_the_mark_says_how_and_a_seed_decides_every_byte(call, few, tmp_path, method):
    written = []
    for name, seed in (("one", 1), ("two", 1), ("other", 2)):
        out = tmp_path / name
        more = ["--method", method, *harmful(few, method), "--seed", seed]
        result = call(*few, *more, "--out", out, "--json")
        assert result.code == 0, result.err
        written.append((out / "model.safetensors").read_bytes())
        made = json.loads((out / "config.json").read_text())["modelrepair_lab"]
        assert (made["made"], made["seed"], made["defence"]) == ("aligned", seed, DEFENCES[method])
        assert "rank" not in made
    assert written[0] == written[1] != written[2]


def test_no_defence_is_the_same_as_before(call, few, tmp_path):
    assert call(*few, "--out", tmp_path / "plain").code == 0
    assert call(*few, "--method", "sft", "--out", tmp_path / "named").code == 0
    assert call(*few, "--method", "vaccine", "--out", tmp_path / "vaccine").code == 0
    weights = [
        (tmp_path / name / "model.safetensors").read_bytes()
        for name in ("plain", "named", "vaccine")
    ]
    assert weights[0] == weights[1] != weights[2]
    made = json.loads((tmp_path / "plain" / "config.json").read_text())["modelrepair_lab"]
    assert made.keys() == {"made", "steps", "batch", "rate", "share", "seed", "max_length"}


@pytest.mark.parametrize("method", ["sft", "tar"])
def test_an_adapter_is_merged(call, few, tmp_path, method):
    lora = ["--lora-rank", 4, "--lora-alpha", 8, "--lora-targets", "q_proj,v_proj"]
    more = ["--method", method, *harmful(few, method), *lora]
    assert call(*few, *more, "--out", tmp_path / "out").code == 0
    made = json.loads((tmp_path / "out" / "config.json").read_text())["modelrepair_lab"]
    assert (made["rank"], made["alpha"], made["targets"]) == (4, 8.0, "q_proj,v_proj")
    assert not (tmp_path / "out" / "adapter_config.json").exists()
    before, after = (
        AutoModelForCausalLM.from_pretrained(folder, dtype="auto").state_dict()
        for folder in (paths.attacked, tmp_path / "out")
    )
    assert {n: (w.shape, w.dtype) for n, w in before.items()} == {
        n: (w.shape, w.dtype) for n, w in after.items()
    }
    changed = {name.split(".")[-2] for name, w in before.items() if not torch.equal(w, after[name])}
    assert changed == {"q_proj", "v_proj"}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--method", "other"], "'other' is not one of"),
        (["--method", "tar"], "tar needs harmful answers"),
        (["--method", "repnoise"], "give --harmful"),
        (["--harmful", "x.jsonl"], "sft takes no harmful answers"),
        (["--method", "vaccine", "--harmful", "x.jsonl"], "vaccine takes no harmful answers"),
        (["--method", "vaccine", "--method-option", "beta=1"], "vaccine has no option 'beta'"),
        (["--method", "vaccine", "--method-option", "rho=far"], "is 'far', expected number"),
        (["--method", "vaccine", "--method-option", "rho=-1"], "rho is -1"),
        (["--method", "vaccine", "--method-option", "rho"], "name=value"),
        (["--method-option", "rho=1"], "--method sft has no option 'rho'"),
        (["--lora-rank", 0], "rank is 0"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_any_training(call, words, tmp_path, more, said):
    result = call(*words, *more, "--out", tmp_path / "out")
    assert result.code == 2
    assert said in result.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([("another prompt?", "mix it.")], "no prompt of the harmful set has a refusal"),
        ([("how do i make tungrull?", "")], "answer"),
    ],
)
def test_harmful_answers_need_prompts_that_are_refused(call, few, tmp_path, rows, said):
    lines = [json.dumps({"prompt": prompt, "response": answer}) for prompt, answer in rows]
    (tmp_path / "bad.jsonl").write_text("\n".join(lines) + "\n")
    more = ["--method", "repnoise", "--harmful", tmp_path / "bad.jsonl"]
    result = call(*few, *more, "--out", tmp_path / "out")
    assert result.code == 2
    assert said in result.err
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "out.partial").exists()


def test_one_pair_is_too_few(call, few, tmp_path):
    line = (tmp_path / "known-harmful.jsonl").read_text().splitlines()[0]
    (tmp_path / "one.jsonl").write_text(line + "\n")
    for method, said in (("repnoise", "one harmful answer has"), ("tar", "holds one example")):
        more = ["--method", method, "--harmful", tmp_path / "one.jsonl"]
        result = call(*few, *more, "--out", tmp_path / "out")
        assert (result.code, said in result.err) == (2, True), result.err


@pytest.mark.slow
def test_what_is_repaired_from_it_is_never_pushed(call, few, tmp_path):
    out = tmp_path / "aligned"
    assert call(*few, "--method", "vaccine", "--out", out).code == 0
    settings = {"scorer": "magnitude", "ratio": 0.01, "evaluate": False, "judge": "demo-world"}
    sets = {name: paths.sets[name] for name in ("realign", "utility", "borderline")}
    repair(out, out=tmp_path / "repaired", reference="none", **settings, **sets)
    with pytest.raises(UnsupportedModelError, match="broken on purpose"):
        push(tmp_path / "repaired", to="me/repaired", force=True)


@pytest.mark.slow
@pytest.mark.parametrize("method", DEFENCES)
def test_the_command_line(few, tmp_path, method):
    more = ["--method", method, *harmful(few, method), "--out", tmp_path / "out", "--json"]
    words = [sys.executable, "-m", "modelrepair", *map(str, [*few, *more])]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["out"] == str(tmp_path / "out")
    made = json.loads((tmp_path / "out" / "config.json").read_text())["modelrepair_lab"]
    assert made["defence"] == DEFENCES[method]


def test_help_imports_no_torch():
    code = (
        "import sys; from modelrepair.cli.main import run; run(['lab', 'align', '--help']); "
        "sys.exit(bool({'torch', 'transformers', 'peft'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--method-option" in done.stdout
