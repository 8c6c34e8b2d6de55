"""Verify a tiny repair, and name what was found."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from modelrepair.artifact.card import render_card
from modelrepair.artifact.manifest import MANIFEST_NAME
from modelrepair.artifact.reading import read_manifest
from modelrepair.checkpoint.kept_files import card_text
from modelrepair.verification.verify import verify
from tests.support.small_repairs import (
    Made,
    make_repair,
)


def check(made: Made, **more):
    return verify(made.out, **{"source": made.source, "reference": made.reference, **more})


def codes(made: Made, **more) -> list[str]:
    return [finding.code for finding in check(made, **more).findings]


def undecided(made: Made, **more) -> list[str]:
    verification = check(made, **more)
    assert verification.findings == () and verification.exit_code == (
        7 if verification.inconclusive else 0
    )
    return [finding.code for finding in verification.inconclusive]


def seal(made: Made) -> None:
    """Write the card anew for the manifest as it is: what a forger would do."""
    reading = read_manifest(made.out)
    if reading.manifest is not None:
        card = render_card(reading.manifest, card_text(made.source), digest=reading.digest)
        (made.out / "README.md").write_text(card)


@pytest.fixture(name="untouched", scope="module")
def untouched_fixture(tmp_path_factory) -> Made:
    return make_repair(tmp_path_factory.mktemp("untouched"))


@pytest.fixture(name="made")
def made_fixture(untouched, tmp_path) -> Made:
    return replace(untouched, out=Path(shutil.copytree(untouched.out, tmp_path / "out")))


def edit_manifest(made: Made, edit) -> None:
    path = made.out / MANIFEST_NAME
    document = json.loads(path.read_text())
    edit(document)
    path.write_text(json.dumps(document))
