"""What all tests share: one thread, a repaired demo model, quick repairs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from filelock import FileLock

from tests.support.hub.fixtures import api, hub, sets_hub  # noqa: F401
from tests.support.later import later, saved  # noqa: F401
from tests.support.made_once import made_once
from tests.support.pictures import pictures_drawn_once  # noqa: F401
from tests.support.quick_runs import no_own_kinds, one_thread, own_kinds  # noqa: F401
from tests.support.repairer_fixtures import edit, few, own_repairers  # noqa: F401
from tests.support.signals import interruptible  # noqa: F401

# pytest imports readline, which exports the size of a terminal to every child process, past
# os.environ. Lines of errors are wrapped to it; no test may depend on how many workers there are.
for name in ("COLUMNS", "LINES"):
    os.environ.pop(name, None)
    os.unsetenv(name)


@pytest.fixture(autouse=True)
def core_alone(monkeypatch):
    """The core has no plug-ins, though those of this repository may be installed beside it."""
    from modelrepair.plugin import loading

    beside = {path.name for path in (Path(__file__).parents[1] / "plugins").iterdir()}
    real = loading.entry_points
    monkeypatch.setattr(
        loading, "entry_points", lambda: [each for each in real() if each[1] not in beside]
    )


@pytest.fixture
def quick_repair(tmp_path):
    """A repair of the demo's attacked model at a fixed ratio, nothing measured: a few seconds."""
    from modelrepair import repair
    from modelrepair.demo import paths

    def run(name: str = "out", **options):
        settings = {
            "reference": paths.reference,
            "scorer": "wanda",
            "ratio": 0.01,
            "evaluate": False,
            "judge": "demo-world",
            **{role: paths.sets[role] for role in ("realign", "refusal", "utility", "borderline")},
            **options,
        }
        source = settings.pop("source", paths.attacked)
        return repair(source, out=tmp_path / name, **settings)

    return run


@pytest.fixture(scope="session")
def repaired(tmp_path_factory):
    """The demo's attacked model, repaired by contrast with its reference; folder and report."""
    from modelrepair import repair
    from modelrepair.demo import paths

    def make(folder):
        out = folder / "model"
        report = repair(
            paths.attacked,
            reference=paths.reference,
            scorer="contrast",
            judge="demo-world",
            out=out,
            **paths.sets,
        )
        return out, report

    return made_once(tmp_path_factory, "repaired", make)


@pytest.fixture(scope="session")
def classifier_model(tmp_path_factory):
    """A tiny classifier that knows the made-up world; read only."""
    from tests.support.judging import classifier

    return made_once(tmp_path_factory, "classifier", lambda folder: classifier(folder / "judge"))


@pytest.fixture(scope="session")
def guard_model(tmp_path_factory):
    """A tiny guard model that knows the made-up world; read only."""
    from tests.support.judging import guard

    return made_once(tmp_path_factory, "guard", lambda folder: guard(folder / "judge"))


@pytest.fixture(scope="session")
def smollm2(tmp_path_factory):
    """SmolLM2-135M-Instruct, converted once for all workers; slow tests only.

    MODELREPAIR_SMOLLM2 names a folder where it lies converted already, or is to lie.
    """
    from modelrepair_lab.smollm2 import convert

    if "MODELREPAIR_SMOLLM2" not in os.environ:
        return made_once(tmp_path_factory, "smollm2", convert)
    folder = Path(os.environ["MODELREPAIR_SMOLLM2"])
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f"{folder.name}.lock")):
        return convert(folder)


@pytest.fixture
def call(capsys):
    """A command in this process: its code, what it printed, its document."""
    from modelrepair.cli.main import run

    def invoke(*arguments):
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        document = None
        if "--json" in arguments:
            assert captured.out.count("\n") == 1, "exactly one line"
            document = json.loads(captured.out)
        return SimpleNamespace(code=code, out=captured.out, err=captured.err, json=document)

    return invoke
