"""A made-up driver: what NVML would say of GPUs that are not there."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pynvml
import pytest

GB = 10**9
NOT_SUPPORTED, NOT_FOUND = pynvml.NVML_ERROR_NOT_SUPPORTED, pynvml.NVML_ERROR_NOT_FOUND
LOST, NO_LIBRARY = pynvml.NVML_ERROR_GPU_IS_LOST, pynvml.NVML_ERROR_LIBRARY_NOT_FOUND


@dataclass
class Card:
    """One GPU, or a part of one; ``fails`` is the error of every question about it.

    Args:
        parts: by place; None where no part was made. Where there are any, the GPU is cut.
        memory_fails: the error of a question about its memory.
    """

    name: str
    uuid: str
    free: int = 70 * GB
    total: int = 80 * GB
    parts: list[Card | None] = field(default_factory=list)
    fails: int | None = None
    memory_fails: int | None = None


def install(monkeypatch: pytest.MonkeyPatch, cards: list[Card], fails: int | None = None) -> None:
    """Have NVML show these GPUs, or fail at its start.

    Args:
        monkeypatch: undoes it.
        cards: the GPUs.
        fails: the error of its start.
    """
    for name in ("nvmlInit", "nvmlShutdown"):
        monkeypatch.setattr(pynvml, name, lambda: _raise(fails))
    answers: dict[str, Any] = {
        "Count": lambda: len(cards),
        "HandleByIndex": lambda index: _answering(cards[index]),
        "Name": lambda card: card.name,
        "UUID": lambda card: card.uuid,
        "MemoryInfo": _memory,
        "MigMode": lambda card: [1, 1] if card.parts else _raise(NOT_SUPPORTED),
        "MaxMigDeviceCount": lambda card: len(card.parts),
        "MigDeviceHandleByIndex": lambda card, at: card.parts[at] or _raise(NOT_FOUND),
    }
    for name, answer in answers.items():
        monkeypatch.setattr(pynvml, f"nvmlDeviceGet{name}", answer)


def _answering(card: Card) -> Card:
    _raise(card.fails)
    return card


def _memory(card: Card) -> SimpleNamespace:
    _raise(card.memory_fails)
    return SimpleNamespace(free=card.free, total=card.total, used=card.total - card.free)


def _raise(error: int | None) -> None:
    if error is not None:
        raise pynvml.NVMLError(error)
