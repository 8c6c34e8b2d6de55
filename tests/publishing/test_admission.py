"""Which folders may go out: whole, honest, past the gate, and no product of the attack lab."""

from __future__ import annotations

import json

import pytest

from modelrepair import push
from modelrepair.errors import DamagedCheckpointError, GateError, UnsupportedModelError, UsageError
from modelrepair.publishing.admission import names_warning
from tests.support.hub.repaired import on_the_hub
from tests.support.small_repairs import draft, results

WORSE = {"before": results(4), "after": results(200)}


def test_what_works_backwards_never_goes_out(hub, tmp_path):
    made = on_the_hub(hub, tmp_path, measured=WORSE)
    for force in (False, True):
        with pytest.raises(GateError, match="works backwards"):
            push(made.out, force=force)
    assert hub.requests == []


@pytest.mark.parametrize("name", ["config.json", "adapter_config.json"])
def test_what_was_broken_on_purpose_never_goes_out(hub, tmp_path, name):
    made = on_the_hub(hub, tmp_path)
    (made.out / name).write_text('{"modelrepair_lab": true}')
    with pytest.raises(UnsupportedModelError, match="broken on purpose"):
        push(made.out, force=True)
    assert hub.requests == []


@pytest.mark.parametrize("base", ["/home/me/base", "./base", "~/base", "a/b/c", "C:\\base"])
def test_an_adapter_with_a_local_base_stays_here(hub, tmp_path, base):
    made = on_the_hub(hub, tmp_path)
    (made.out / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": base}))
    with pytest.raises(UsageError, match="is a path of this machine"):
        push(made.out)
    assert hub.requests == []


def test_no_folder_and_no_repaired_model(hub, tmp_path):
    with pytest.raises(UsageError, match="no folder 'none'"):
        push(tmp_path / "none")
    with pytest.raises(DamagedCheckpointError, match="no manifest"):
        push(tmp_path)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["config.json", "a b/c.csv", "模型.txt"], None),
        (["config.json", "aux.json"], "'aux.json' (it is the name of a device):"),
        (["a/what?.csv", "b "], "'a/what?.csv' (it holds '?') and 1 more file:"),
    ],
)
def test_a_file_that_windows_cannot_hold_is_named(names, said):
    """It goes out all the same: who downloads it on Windows has to know."""
    manifest = draft(files=dict.fromkeys(names, "d" * 64))
    warning = names_warning(manifest)
    assert (warning is None) == (said is None)
    assert said is None or warning.startswith(f"Windows can't hold {said}")
