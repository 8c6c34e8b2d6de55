"""What the nastiest files cost: at most 256 MB over the peak of verifying a healthy repair."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from modelrepair.artifact.manifest import MANIFEST_NAME
from modelrepair.artifact.plots import PLOT_NAME
from modelrepair.artifact.verdicts import VERDICTS_NAME
from modelrepair.artifact.writer import MASK_NAME
from modelrepair.checkpoint.kept_files import CARD_NAME
from modelrepair.checkpoint.values import VALUES_NAME
from tests.support.small_repairs import Made, make_repair

MORE = 256 * 2**20
MEASURE = """
import resource, sys
from modelrepair.cli.main import run
code = run(["verify", sys.argv[1], "--source", sys.argv[2]])
print(code, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Made:
    return make_repair(tmp_path_factory.mktemp("memory"), store_values=True)


def measured(made: Made, out: Path) -> tuple[int, int]:
    """The exit code, and the most bytes that the process had."""
    command = [sys.executable, "-c", MEASURE, str(out), str(made.source)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60, check=True)
    code, peak = done.stdout.splitlines()[-1].split()
    return int(code), int(peak)


@pytest.fixture(scope="module")
def healthy(made) -> int:
    code, peak = measured(made, made.out)
    assert code == 0
    return peak


def header(text: bytes) -> bytes:
    return len(text).to_bytes(8, "little") + text


def tensors(count: int) -> bytes:
    one = b'"%d":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}'
    return header(b"{" + b",".join(one % number for number in range(count)) + b"}")


def metadata(count: int) -> bytes:
    pairs = b",".join(b'"%d":"%d"' % (number, number) for number in range(count))
    return header(b'{"__metadata__":{' + pairs + b"}}")


def bomb() -> bytes:
    blob = zlib.compress(bytes(2**30 >> 2), 9)
    text = b'{"__metadata__":{},"layers.0.q_proj.weight":{"dtype":"U8","shape":[%d],' % len(blob)
    return header(text + b'"data_offsets":[0,%d]}}' % len(blob)) + blob


def filled(text: bytes, piece: bytes, size: int, end: bytes = b"") -> bytes:
    return text + piece * ((size - len(text) - len(end)) // len(piece)) + end


MIB = 2**20
ROW = b'{"set": "harmful", "index": %d, "after": {"verdict": "refusal"}}\n'
NASTY: dict[str, tuple[str, Callable[[], bytes]]] = {
    "lists": (MANIFEST_NAME, lambda: filled(b"[", b"[],", 16 * MIB, b"0]")),
    "keys": (MANIFEST_NAME, lambda: b"{" + b",".join(b'"%d":1' % n for n in range(490_000)) + b"}"),
    "sites": (
        MANIFEST_NAME,
        lambda: filled(b'{"schema_version": 1, "sites": [', b'{"name":"a"},', 5 * MIB, b"0]}"),
    ),
    "rows": (VERDICTS_NAME, lambda: b"".join(ROW % n for n in range(120_000))),
    "long line": (VERDICTS_NAME, lambda: filled(b"[", b"[],", 8 * MIB)),
    "tensors": (MASK_NAME, lambda: tensors(140_000)),
    "tensors of values": (VALUES_NAME, lambda: tensors(140_000)),
    "metadata": (MASK_NAME, lambda: metadata(490_000)),
    "garbage": (MASK_NAME, lambda: header(b"{" * (16 * MIB))),
    "bomb": (MASK_NAME, bomb),
    "elements": (PLOT_NAME, lambda: filled(b"<svg>", b"<g/>", 16 * MIB, b"</svg>")),
    "depth": (PLOT_NAME, lambda: filled(b"<svg>", b"<g>", 16 * MIB)),
    "front matter": (CARD_NAME, lambda: filled(b"---\n", b"- a\n", 16 * MIB, b"---\n")),
    "marks": (CARD_NAME, lambda: filled(b"", b"<!-- modelrepair:end -->\n", 16 * MIB)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NASTY)
def test_the_nastiest_files(made, healthy, tmp_path, name):
    file, content = NASTY[name]
    out = Path(shutil.copytree(made.out, tmp_path / "out"))
    (out / file).write_bytes(content())
    code, peak = measured(made, out)
    assert code == 1
    assert peak - healthy <= MORE, f"{(peak - healthy) / MIB:.0f} MiB more"
