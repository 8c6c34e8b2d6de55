"""Patterns, templates and weights of strangers that would take for ever: refused in seconds."""

from __future__ import annotations

import json
import shutil
import signal
import sys
import threading
import time

import pytest
import torch
from safetensors.torch import load_file, save_file

from modelrepair.checkpoint import bounded
from modelrepair.checkpoint.bounded import TooLong, try_patterns, try_template, within
from modelrepair.demo import paths
from modelrepair.errors import DamagedCheckpointError, UnsupportedModelError
from tests.support import adapters


@pytest.fixture(autouse=True)
def in_seconds(monkeypatch):
    """A regression fails, and does not hang."""
    monkeypatch.setattr(bounded, "SECONDS", 1.0)
    signal.signal(signal.SIGALRM, lambda *_: pytest.fail("it took over 300 seconds"))
    signal.alarm(300)
    yield
    signal.alarm(0)


LOOPS = {
    "nested ranges": "{% for i in range(99999) %}{% for j in range(99999) %}"
    "{% for k in range(99999) %}{% endfor %}{% endfor %}{% endfor %}",
    "a long text": "{{ 'a' * 10**12 }}",
    "doubling": "{% set n = namespace(s='aaaa') %}{% for i in range(60) %}"
    "{% set n.s = n.s ~ n.s %}{% endfor %}",
    "a wide format": "{{ '%01000000000000d' % 1 }}",
    "a power": "{{ 10 ** 10 ** 10 }}",
}


@pytest.mark.quick("doubling", "nested ranges")
@pytest.mark.parametrize("name", LOOPS)
def test_a_template_that_does_not_end_or_fills_the_memory_is_refused(tmp_path, quick_repair, name):
    if name in ("a long text", "a wide format"):
        # These may end in an error of Python's own; never in the memory of this process.
        found = try_template(LOOPS[name], [([], True)], {})
        assert found is None or "memory" in found
        return
    source = shutil.copytree(paths.attacked, tmp_path / "source")
    (source / "chat_template.jinja").write_text(LOOPS[name] + "{{ messages[0].content }}")
    with pytest.raises(UnsupportedModelError, match="the chat template can't be used"):
        quick_repair(source=source)


def test_a_slow_machine_is_no_reason_to_refuse(monkeypatch):
    # The imports of that process take longer than this already.
    monkeypatch.setattr(bounded, "SECONDS", 1.0)
    assert try_template("{{ messages[0].content }}", [([{"content": "Hello"}], True)], {}) is None
    assert try_patterns([r".*q_proj"], ["layers.0.q_proj"]) is None


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no processor time on this system")
def test_time_in_which_a_try_does_not_run_is_not_its_own(monkeypatch):
    """As on a machine where forty others wait: the clock goes on, the try does not."""
    monkeypatch.setattr(bounded, "SECONDS", 0.5)
    monkeypatch.setattr(bounded, "_PATTERNS", "limit()\nimport time\ntime.sleep(1.5)")
    assert try_patterns([], []) is None
    monkeypatch.setattr(bounded, "_PATTERNS", "limit()\nwhile True: pass")
    assert try_patterns([], []) == "it did not end within 0 seconds"


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="no processor time of a thread")
def test_time_in_which_a_step_does_not_run_is_not_its_own():
    with within(0.2):
        time.sleep(0.6)


def test_what_an_example_alone_sets_off_is_ended_too():
    with pytest.raises(TooLong), within(0.2):
        while True:
            pass
    with within(30):
        pass


def test_each_step_has_its_own_end():
    """One thread watches all: a step that was over, or has longer, is not ended with another."""
    ended, before = [], threading.active_count()

    def loops():
        try:
            with within(0.4):
                while True:
                    pass
        except TooLong:
            ended.append("loops")

    other = threading.Thread(target=loops)
    with within(30):
        other.start()
        with pytest.raises(TooLong), within(0.2):
            while True:
                pass
        other.join()
    assert ended == ["loops"]
    assert threading.active_count() <= before + 1


SLOW = "(([a-z_.]+)+)+[0-9]+!"
PATTERNS = {
    "target_modules": SLOW,
    "exclude_modules": SLOW,
    "rank_pattern": {SLOW: 4},
    "alpha_pattern": {SLOW: 4},
    "modules_to_save": [SLOW],
    "layers_pattern": SLOW,
}


@pytest.mark.quick("target_modules", "rank_pattern")
@pytest.mark.parametrize("field", PATTERNS)
def test_a_pattern_that_takes_for_ever_is_refused_before_peft_matches_it(
    tmp_path, monkeypatch, field
):
    from modelrepair.engine.adapter import check_patterns

    monkeypatch.setattr(bounded, "SECONDS", 0.8)
    adapters.save_lora(tmp_path, "plain")
    adapters.change_config(tmp_path / "adapter", **{field: PATTERNS[field]})
    names = [name for name, _ in adapters.base_model("llama").named_modules()]
    with pytest.raises(UnsupportedModelError, match="did not end within"):
        check_patterns(tmp_path / "adapter", [*names, "model.layers." + "a" * 40])


def test_no_pattern_and_too_many_names_are_refused_and_real_ones_taken(tmp_path):
    from modelrepair.engine.adapter import check_patterns

    adapters.save_lora(tmp_path, "plain")
    folder = tmp_path / "adapter"
    names = ["model.layers.0.self_attn.q_proj", "lm_head"]
    adapters.change_config(folder, target_modules=r"^(?!.*vision).*(?:q_proj|v_proj)$")
    check_patterns(folder, names)
    adapters.change_config(folder, target_modules="(q_proj")
    with pytest.raises(UnsupportedModelError, match=r"can't be used: .*error"):
        check_patterns(folder, names)
    adapters.change_config(folder, target_modules=[f"m{i}" for i in range(20_000)])
    with pytest.raises(UnsupportedModelError, match="names 20,000 things"):
        check_patterns(folder, names)
    assert try_patterns(["a+"], ["aaa"]) is None


@pytest.mark.quick("source")
@pytest.mark.parametrize("whose", ["source", "reference"])
def test_a_loss_that_is_no_number_is_refused_before_the_work(tmp_path, quick_repair, whose):
    at = paths.attacked if whose == "source" else paths.reference
    folder = shutil.copytree(at, tmp_path / whose)
    (path,) = folder.glob("*.safetensors")
    tensors = load_file(path)
    for name, tensor in tensors.items():  # finite, and too large to be multiplied
        if "down_proj" in name or "o_proj" in name:
            tensors[name] = torch.full_like(tensor, 3e38)
    save_file(tensors, path, metadata={"format": "pt"})
    with pytest.raises(DamagedCheckpointError, match="no finite"):
        quick_repair(evaluate=True, **{whose: folder})
    assert not (tmp_path / "out").exists()


def test_the_demo_s_own_template_is_taken():
    config = json.loads((paths.attacked / "tokenizer_config.json").read_text())
    path = paths.attacked / "chat_template.jinja"
    source = path.read_text() if path.exists() else config["chat_template"]
    turns = [{"role": "user", "content": "Hello"}]
    assert try_template(source, [(turns, True)], {}) is None


def test_memory_is_bounded_where_the_system_has_no_limit(monkeypatch):
    """As on macOS and Windows: what a try takes is watched from outside."""
    without = bounded._LIMIT.replace("import resource", "raise ImportError")
    assert without != bounded._LIMIT
    monkeypatch.setattr(bounded, "_LIMIT", without)
    monkeypatch.setattr(bounded, "MEMORY", 2**27)
    monkeypatch.setattr(bounded, "IMPORTED", 2**27)
    monkeypatch.setattr(bounded, "SECONDS", 60.0)
    greedy = "limit()\nheld = [bytes(2**20) * 1 for _ in range(600)]\nwhile True: pass"
    monkeypatch.setattr(bounded, "_PATTERNS", greedy.replace("bytes(2**20)", "b'x' * 2**20"))
    assert try_patterns([], []) == "it takes too much memory"
