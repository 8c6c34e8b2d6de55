"""A config is held against the headers of its weights before anything is built."""

from __future__ import annotations

import json
import shutil
import signal

import pytest

from modelrepair import plan
from modelrepair.checkpoint.config import check_counts, read_config
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.demo import paths
from modelrepair.errors import DamagedCheckpointError


@pytest.fixture(autouse=True)
def in_seconds():
    """A regression fails, and does not hang."""
    signal.signal(signal.SIGALRM, lambda *_: pytest.fail("it took over 20 seconds"))
    signal.alarm(20)
    yield
    signal.alarm(0)


@pytest.mark.parametrize(
    "name",
    [
        "num_hidden_layers",
        "hidden_size",
        "vocab_size",
        "num_experts",
        "num_labels",
        "num_attention_heads",
    ],
)
def test_parts_that_the_files_do_not_hold_are_refused_before_a_model_is_built(tmp_path, name):
    import torch

    from modelrepair.engine.skeleton import build

    folder = shutil.copytree(paths.attacked, tmp_path / "model")
    config = read_config(folder) | {name: 10**9}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(DamagedCheckpointError, match=f"{name} 1000000000, and"):
        build(folder, Checkpoint.open(folder), torch.device("cpu"))
    with pytest.raises(DamagedCheckpointError, match=f"{name} 1000000000, and"):
        plan(folder, realign=paths.sets["realign"], reference="none")


def test_the_demo_models_hold_what_their_configs_say():
    for folder in (paths.attacked, paths.reference):
        entries = Checkpoint.open(folder).entries.values()
        check_counts(read_config(folder), tuple(entries))
