"""What a user waits for before anything is computed: the import, and the help."""

from __future__ import annotations

import subprocess
import sys

import pytest

import modelrepair

HEAVY = ("torch", "transformers", "pydantic", "huggingface_hub", "datasets", "numpy", "rich")


@pytest.mark.parametrize(
    "code",
    [
        "import modelrepair",
        "import runpy\nsys.argv = ['modelrepair', '--help']\n"
        "try: runpy.run_module('modelrepair', run_name='__main__')\n"
        "except SystemExit as error: assert not error.code",
    ],
)
def test_nothing_heavy_is_imported(code):
    checked = f"import sys\n{code}\nprint([x for x in {HEAVY!r} if x in sys.modules])"
    result = subprocess.run([sys.executable, "-c", checked], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == "[]"


def test_every_public_name_is_there():
    assert {"repair", "plan", "measure", "apply", "push", "verify"} <= {*modelrepair.__all__}
    for name in modelrepair.__all__:
        assert getattr(modelrepair, name) is not None
    assert {*modelrepair.__all__} <= {*dir(modelrepair)}
    with pytest.raises(AttributeError, match="no_such_name"):
        modelrepair.no_such_name  # noqa: B018
