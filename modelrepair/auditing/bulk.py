"""Many models: several at a time, each finished one kept, a broken one is a line and no end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from modelrepair.auditing.results import Audit
from modelrepair.auditing.state import State
from modelrepair.errors import ModelRepairError, kind_and_message
from modelrepair.progress import Advance, Progress

AT_ONCE = 4
"""Models that are looked at together; each asks the Hub for a few parts at a time."""

Look = Callable[[str], Audit]


def audit_all(
    names: Sequence[str],
    look: Look,
    *,
    state: State | None = None,
    at_once: int = AT_ONCE,
    progress: Progress | None = None,
) -> Iterator[Audit]:
    """Look at each model, and give the audits as they are done.

    >>> [audit.name for audit in audit_all(["user/a"], Audit)]
    ['user/a']

    Args:
        names: what is looked at.
        look: looks at one of them.
        state: where the finished ones are kept; those in it are given first, and not again.
            What could not be looked at for a reason that may pass (the Hub, the network, this
            machine's memory or disk) is not kept: the next run tries it again.
        at_once: how many are looked at together.
        progress: where their number is shown, with the time left.
    """
    progress = progress or Progress()
    done = {} if state is None else state.done
    yield from (Audit.from_json(done[name]) for name in names if name in done)
    left = iter([name for name in names if name not in done])
    total = len(names) - sum(name in done for name in names)
    pool = ThreadPoolExecutor(at_once)
    running: dict[Future[Audit], str] = {}
    try:
        with progress.step("audits", total, "models") as advance:
            while True:
                while len(running) < at_once and (name := next(left, None)) is not None:
                    running[pool.submit(_one, look, name)] = name
                if not running:
                    return
                for finished in wait(running, return_when=FIRST_COMPLETED).done:
                    yield _keep(running.pop(finished), finished.result(), state, advance)
    finally:
        # Stopped by the user, or no longer wanted: what has not begun is left.
        pool.shutdown(wait=False, cancel_futures=True)


def _one(look: Look, name: str) -> Audit:
    """The audit of one model, or why there is none."""
    try:
        return look(name)
    except ModelRepairError as error:
        return Audit(name, error=error)
    except Exception as error:
        said = f"unexpected {kind_and_message(error, 200)}"
        hint = "this is a bug of modelrepair; look at this model alone with --debug"
        return Audit(name, error=ModelRepairError(said, hint=hint))


def _keep(name: str, audit: Audit, state: State | None, advance: Advance) -> Audit:
    passing = audit.error is not None and audit.error.exit_code in (3, 4)
    if state is not None and not passing:
        state.add(name, audit.to_json())
    advance(1)
    return audit
