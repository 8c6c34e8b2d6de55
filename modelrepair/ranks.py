"""Several processes at one repair: ``torchrun --nproc-per-node N -m modelrepair fix …``.

Every rank runs the same lines on the same files, and comes to the same decisions. Each takes its
share of the batches; what it found travels to the first rank and from there to all. The first
alone writes and speaks. In one process, everything here does nothing.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from modelrepair.errors import ResourceError, UsageError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

T = TypeVar("T")
_RUN = "TORCHELASTIC_RUN_ID"
PARTS = 8
"""Runs of a set's batches that are summed apart: a constant, since it decides on the last bits."""
PATIENCE = timedelta(days=7)
"""How long a rank waits for another: the first may score and write alone for hours."""

LOOKING = 8.0
"""Seconds in which the first rank, once interrupted, sees which rank ended before."""


@dataclass(frozen=True)
class _Ranks:
    number: int
    count: int
    local: int
    beside: int = 1


_ALONE = _Ranks(0, 1, 0)
_now = _ALONE


def launched() -> int:
    """Which rank torchrun started this process as; 0 also where it did not start it.

    >>> launched()
    0
    """
    return _launched().number


def expected() -> int:
    """How many ranks a repair would have: as torchrun, or who plans for it, sets ``WORLD_SIZE``.

    >>> expected()
    1
    """
    return _named("WORLD_SIZE")


def expected_here() -> int:
    """How many of them share this machine, as torchrun sets ``LOCAL_WORLD_SIZE``.

    >>> expected_here()
    1
    """
    return _named("LOCAL_WORLD_SIZE")


def stay_alone() -> None:
    """Work alone whoever else was started: for what is no work to share."""
    os.environ.pop(_RUN, None)


def first_here() -> bool:
    """Whether this is the first rank of its machine, which alone can say what is wrong with that.

    >>> first_here()
    True
    """
    return _launched().local == 0


def number() -> int:
    """Which rank this is, while ranks work together; the first is 0."""
    return _now.number


def count() -> int:
    """How many ranks work together.

    >>> count()
    1
    """
    return _now.count


def beside() -> int:
    """How many of the ranks share this machine and its memory, this one among them.

    >>> beside()
    1
    """
    return _now.beside


def own_device(name: str) -> str:
    """The GPU of this rank, where the user named none in particular.

    >>> own_device("cuda")
    'cuda'
    """
    return f"cuda:{_now.local}" if name == "cuda" and _now.count > 1 else name


@contextmanager
def together() -> Iterator[None]:
    """Work with the other ranks that torchrun started; alone where there are none.

    Raises:
        ResourceError: another rank ended.
        UsageError: the program's ranks work together already, at something else.
    """
    global _now
    ranks = _launched()
    if ranks.count == 1:
        yield
        return
    import torch
    import torch.distributed as dist

    if dist.is_initialized():
        raise UsageError(
            "torch.distributed is in use by this program, and its ranks can't repair beside that",
            hint="repair in processes of their own: torchrun … -m modelrepair fix …",
        )
    backend = "gloo"
    if torch.cuda.device_count() >= ranks.beside:
        torch.cuda.set_device(ranks.local)
        backend = "cpu:gloo,cuda:nccl"
    dist.init_process_group(backend, timeout=PATIENCE)
    _now = ranks
    try:
        own = socket.gethostname()
        known = gather((own, os.getpid()))
        try:
            yield
        except KeyboardInterrupt:
            # torchrun interrupts all where one ended. The others stay until the first has looked
            # who that was: a rank that ends for the same signal would be named in its place.
            here = {rank: process for rank, (host, process) in enumerate(known) if host == own}
            if ranks.number == 0 and (gone := [rank for rank in here if not _alive(here[rank])]):
                raise _lost(gone[0]) from None
            ends = time.monotonic() + LOOKING
            while ranks.number and 0 in here and _alive(here[0]) and time.monotonic() < ends:
                time.sleep(0.05)
            raise
        dist.destroy_process_group()
    finally:
        _now = _ALONE


def share(compute: Callable[[], T]) -> T:
    """Compute something in the first rank alone; every rank gets it.

    >>> share(lambda: 3)
    3
    """
    if _now.count == 1:
        return compute()
    value = compute() if _now.number == 0 else None
    return _from_first(value)  # type: ignore[no-any-return]


def gather(own: T) -> list[T]:
    """What each rank found, in the order of the ranks; every rank gets all of it.

    No rank leaves here before all have come.

    >>> gather("mine")
    ['mine']
    """
    if _now.count == 1:
        return [own]
    found = [own]
    if _now.number == 0:
        found += [receive_object(rank) for rank in range(1, _now.count)]
    else:
        send_object(own)
    return _from_first(found)  # type: ignore[no-any-return]


def send(tensor: Tensor) -> None:
    """Give the first rank a tensor."""
    import torch.distributed as dist

    with _with(0):
        dist.send(tensor.contiguous(), 0)


def receive(rank: int, shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Take a tensor that another rank sends."""
    import torch
    import torch.distributed as dist

    given = torch.empty(shape, dtype=dtype, device=device)
    with _with(rank):
        dist.recv(given, rank)
    return given


def send_object(value: object) -> None:
    """Give the first rank anything that can be pickled."""
    _send_object(value, 0)


def receive_object(rank: int) -> Any:
    """Take what another rank sends."""
    import torch
    import torch.distributed as dist

    given: list[Any] = [None]
    with _with(rank):
        dist.recv_object_list(given, rank, device=torch.device("cpu"))
    return given[0]


def _from_first(value: Any) -> Any:
    if _now.number:
        return receive_object(0)
    for rank in range(1, _now.count):
        _send_object(value, rank)
    return value


def _send_object(value: object, rank: int) -> None:
    import torch
    import torch.distributed as dist

    with _with(rank):
        dist.send_object_list([value], rank, device=torch.device("cpu"))


@contextmanager
def _with(rank: int) -> Iterator[None]:
    """Talk with one other rank; what fails is that rank's end."""
    try:
        yield
    except RuntimeError as error:
        raise _lost(rank) from error


def _lost(rank: int) -> ResourceError:
    return ResourceError(
        f"rank {rank} of {_now.count} ended: it failed, or was killed",
        hint="see what it said; the same command resumes, with any number of ranks",
        id="rank-lost",
    )


def _alive(process: int) -> bool:
    import psutil

    try:
        return bool(psutil.Process(process).status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _named(variable: str) -> int:
    named = os.environ.get(variable, "")
    return int(named) if named.isdecimal() and int(named) else 1


def _launched() -> _Ranks:
    named = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    if not {_RUN, *named} <= os.environ.keys():
        return _ALONE
    return _Ranks(*(int(os.environ[name]) for name in named))
