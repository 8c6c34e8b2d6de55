"""Fuzz every reader with atheris, by hand: coverage leads it where random bytes don't come.

    pip install atheris
    python -m tests.fuzz.run --seconds 600

Takes the readers in turn, each for its share of the time and in a process of its own; a crash is
reported with its bytes, in ``crash-*``. One reader alone: ``--reader NAME``.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path


def main() -> int:
    """Run all readers in processes of their own, or one of them in this one."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--reader")
    chosen = parser.parse_args()
    if chosen.reader:
        return fuzz(chosen.reader, chosen.seconds)
    from tests.fuzz.readers import NAMES

    share = str(max(1, chosen.seconds // len(NAMES)))
    failed = []
    for name in NAMES:
        command = [sys.executable, "-m", "tests.fuzz.run", "--reader", name, "--seconds", share]
        if subprocess.run(command).returncode:
            failed.append(name)
    sys.stdout.write(f"{len(NAMES)} readers, failed: {', '.join(failed) or 'none'}\n")
    return len(failed)


def fuzz(name: str, seconds: int) -> int:
    """Fuzz one reader; it ends without a signal, and with another exit code where it crashes."""
    import atheris

    with atheris.instrument_imports(include=["modelrepair"]):
        from tests.fuzz.readers import RIGHT, readers

    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    reader = readers(folder / "readers")[name]
    corpus = folder / "corpus"
    corpus.mkdir()
    for number, valid in enumerate(reader.valid):
        (corpus / str(number)).write_bytes(valid)

    def one(data: bytes) -> None:
        try:
            reader.read(data)
        except RIGHT:
            return

    sys.stdout.write(f"== {name}\n")
    sys.stdout.flush()
    limits = [f"-max_total_time={seconds}", "-timeout=5", "-rss_limit_mb=2048", "-max_len=20000"]
    atheris.Setup([sys.argv[0], *limits, "-print_final_stats=1", str(corpus)], one)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
