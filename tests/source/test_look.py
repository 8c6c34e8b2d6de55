"""What is known of a model before a byte of its weights is read, and what a table makes of it."""

from __future__ import annotations

from modelrepair.source.kinds import kind_of
from modelrepair.source.look import Look


def test_an_adapter_of_a_reward_model(tmp_path):
    look = Look("a", ["adapter_config.json", "adapter_model.safetensors"], {"task_type": "SEQ_CLS"})
    assert kind_of(look).name == "reward model"
    assert kind_of(Look("a", look.files, {"task_type": "CAUSAL_LM"})).name == "adapter"
