"""Environments of their own, for contestants that want other versions than ours."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

COMPRESSOR = ("llmcompressor==0.14.0.1",)
"""It wants transformers 5.17 or older."""


class NotInstalled(Exception):
    """An environment could not be made; the text is the installer's last line."""


def python_of(requirements: Sequence[str], folder: Path) -> str:
    """The interpreter of an environment with these packages and our torch, made where it lacks.

    Args:
        requirements: for pip.
        folder: where the environment lies, or will.

    Raises:
        NotInstalled: the packages can't be installed.
    """
    python = folder / "bin" / "python"
    whole = folder / "installed.txt"
    wanted = [*requirements, f"torch=={_own_torch()}"]
    if whole.exists() and whole.read_text(encoding="utf-8").split() == wanted:
        return str(python)
    for command in (
        [sys.executable, "-m", "venv", "--clear", str(folder)],
        [str(python), "-m", "pip", "install", "--quiet", *wanted],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            lines = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
            raise NotInstalled(f"{' '.join(requirements)} can't be installed: {lines[-1]}")
    whole.write_text("\n".join(wanted), encoding="utf-8")
    return str(python)


def _own_torch() -> str:
    import torch

    return torch.__version__.partition("+")[0]
