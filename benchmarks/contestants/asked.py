"""What each contestant that scores a model is asked; it imports nothing that others lack."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Asked:
    """A model, what it is scored on, and how.

    Args:
        model: its folder.
        examples: a file that `benchmarks.examples` wrote.
        ratio: share of each row that is masked.
        device: what computes.
        scorer: of ours: which one; of a yardstick: ``gradient`` where it goes backward, too.
        work: an empty folder.
    """

    model: Path
    examples: Path
    ratio: float
    device: str
    scorer: str
    work: Path


def read_asked(arguments: Sequence[str] | None) -> Asked:
    """What the command line asks for.

    Args:
        arguments: of the program; None takes those of this process.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--examples", type=Path, required=True)
    parser.add_argument("--ratio", type=float, default=0.01)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--scorer", default="wanda")
    parser.add_argument("--work", type=Path, required=True)
    return Asked(**vars(parser.parse_args(arguments)))


def say(found: Mapping[str, object]) -> None:
    """Print what only the contestant knows, as its last line."""
    sys.stdout.write(json.dumps({**found, **_of_device()}) + "\n")
    sys.stdout.flush()


def spent() -> float:
    """Processor seconds of this process until now."""
    return time.process_time()


def _of_device() -> dict[str, int]:
    """The most memory that tensors took on a GPU; nothing where none computed."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return {}
    return {"device_peak_bytes": torch.cuda.max_memory_allocated()}
