"""The real client, pointed at a test Hub: in this process, or in one of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub.constants as constants
import pytest

from tests.support.hub.state import Hub

ROOT = Path(__file__).parents[3]
IMPATIENT = """
import time
sleep = time.sleep
time.sleep = lambda seconds: sleep(min(seconds, 0.02))
"""


def point_at(hub: Hub, monkeypatch: pytest.MonkeyPatch, home: Path, *, xet: bool = False) -> None:
    """Let the client of this process speak to this Hub, without a token, and wait for nothing."""
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    monkeypatch.setattr("huggingface_hub.hf_api.api.endpoint", hub.url)
    monkeypatch.setattr(
        constants,
        "HUGGINGFACE_CO_URL_TEMPLATE",
        hub.url + "/{repo_id}/resolve/{revision}/{filename}",
    )
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(home / "cache"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(home / "no token"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", not xet)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    # The client waits up to 23 seconds between its tries: its reasons are tested, not its patience.
    waits = SimpleNamespace(**{**vars(time), "sleep": lambda seconds: None})
    monkeypatch.setattr("huggingface_hub.utils._http.time", waits)
    monkeypatch.setattr("modelrepair.source.patience.sleep", lambda seconds: None)


def environment(hub: Hub, home: Path, *, token: str | None, xet: bool = False) -> dict[str, str]:
    """The environment of a process whose client speaks to this Hub."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "sitecustomize.py").write_text(IMPATIENT)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    return {
        **kept,
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(home / "huggingface"),
        "HF_HUB_DISABLE_XET": "0" if xet else "1",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join([str(home), str(ROOT)]),
        **({} if token is None else {"HF_TOKEN": token}),
    }


def process(
    *arguments: str, folder: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """`modelrepair` as users run it."""
    return subprocess.run(
        [sys.executable, "-m", "modelrepair", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
