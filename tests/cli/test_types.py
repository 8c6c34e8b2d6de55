"""Values of options that click has no type for: functions from text to value."""

from __future__ import annotations

import pytest

from modelrepair.cli.main import run


@pytest.mark.parametrize("option", ["--to", "--out", "--revision", "--reference", "--delete"])
@pytest.mark.parametrize("command", ["fix", "plan"])
def test_an_option_that_a_shell_left_empty_is_refused(command, option, capsys):
    assert run([command, "user/model", option, ""]) == 2
    assert f"invalid value for '{option}': it is empty" in capsys.readouterr().err
