"""What a user waits for before anything is computed: the import, and the help."""

from __future__ import annotations

import subprocess
import sys

import pytest

import modelrepair

HEAVY = ("torch", "transformers", "pydantic", "huggingface_hub", "datasets", "numpy", "rich")


@pytest.mark.parametrize(
    ("code", "heavy"),
    [
        ("import modelrepair", (*HEAVY, "click")),
        (
            "import runpy\nsys.argv = ['modelrepair', '--help']\n"
            "try: runpy.run_module('modelrepair', run_name='__main__')\n"
            "except SystemExit as error: assert not error.code",
            HEAVY,
        ),
    ],
)
def test_nothing_heavy_is_imported(code, heavy):
    checked = f"import sys\n{code}\nprint([x for x in {heavy!r} if x in sys.modules])"
    result = subprocess.run([sys.executable, "-c", checked], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == "[]"


def test_what_is_not_imported_yet_is_offered_for_completion():
    assert {*modelrepair.__all__} <= {*dir(modelrepair)}
