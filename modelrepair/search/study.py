"""One search's surroundings: what makes candidates, what measures them, what is remembered."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, Protocol

from typing_extensions import TypeVar

from modelrepair import ranks
from modelrepair.budgets import Budgets
from modelrepair.checkpoint.atomic import write_json
from modelrepair.engine.skeleton import Skeleton
from modelrepair.engine.weights import Masks, Weights
from modelrepair.evaluation.evaluate import SCREENED, Screen, evaluate, follow_scored, screen
from modelrepair.evaluation.measures import figures_of
from modelrepair.evaluation.panel import Panel
from modelrepair.evaluation.results import ExampleResult
from modelrepair.evaluation.rules import ROUNDING
from modelrepair.moving import remove_folder
from modelrepair.plugin.loading import Registered
from modelrepair.plugin.names import SetName
from modelrepair.progress import Figure, Progress
from modelrepair.search.candidates import (
    Baseline,
    Candidate,
    lost_of_both,
    refusing,
    shares_of,
)
from modelrepair.search.clock import Clock
from modelrepair.search.scoring import Scoring, masked_entries, score_round
from modelrepair.settings.search_limits import Limits


class Maker(Protocol):
    """What makes candidates: a scorer with its surroundings, or a repairer with its own."""

    @property
    def registered(self) -> Registered[Any]:
        """The plug-in's spec, and who offers it."""
        ...

    @property
    def skeleton(self) -> Skeleton:
        """The model on the meta device."""
        ...

    @property
    def weights(self) -> Weights:
        """Reads the source."""
        ...


Made = TypeVar("Made", bound=Maker, default=Scoring, covariant=True)


@dataclass(frozen=True)
class Study(Generic[Made]):
    """One plug-in's search: what makes candidates, what measures them, what they may cost."""

    scoring: Made
    panel: Panel
    budgets: Budgets
    baseline: Baseline
    progress: Progress
    limits: Limits = field(default_factory=Limits)
    clock: Clock = field(default_factory=Clock)

    @property
    def name(self) -> str:
        """The plug-in's name."""
        return str(self.scoring.registered.spec.name)


@dataclass(frozen=True)
class Turns:
    """Where a walk changed its way: numbers of rounds, from 1.

    Args:
        eased: those that found nothing more to mask, after which the penalty was smaller.
        momentum: the first that had momentum; None where none had.
        halved: those whose step was halved, since answers showed that it went too far.
    """

    eased: tuple[int, ...] = ()
    momentum: int | None = None
    halved: tuple[int, ...] = ()


@dataclass(frozen=True)
class Searched:
    """What a search looked at, in order, how many rounds it took, and whether time ended it."""

    points: tuple[Candidate, ...]
    rounds: int
    stopped: bool = False
    turns: Turns = field(default_factory=Turns)

    @property
    def answered(self) -> int:
        """How many candidates answered prompts."""
        return sum(point.results is not None for point in self.points)


def refuses(point: Candidate, share: float) -> bool:
    """Whether refusals are likelier for this share of the prompts, as far as is known."""
    known = refusing(point)
    return known is None or known >= share


def lost(study: Study[Any], point: Candidate) -> float:
    """Utility lost against the source on the select split, by the screen."""
    before = study.baseline.before_screen.utility
    after = None if point.screen is None else point.screen.utility
    return 0.0 if before is None or after is None else before - after


def costs(study: Study[Any], point: Candidate, times: float) -> bool:
    """Whether the screen says that a step costs so many times the utility budget, or as much.

    Tokens that the model no longer chooses count only where the answers' loss rose, too. Else they
    had stood on their edge, as many do in a model that has half learnt its task: a few of them,
    on a small split, are no reason to end a search, and later rounds can win them back. Where
    they count, the benign answers that scoring sees are looked at, too, before a step is undone.
    """
    before = study.baseline.before_screen.utility_loss
    after = point.screen.utility_loss if point.screen else None
    most = times * study.budgets.utility_loss + ROUNDING
    if before is not None and after is not None:
        if after > 1.1 * before + 0.025 * times:
            return True
        if after <= 1.02 * before + 0.002:
            return False
    if lost(study, point) <= most:
        return False
    utility = None if point.screen is None else point.screen.utility
    _, examples = shares_of(study.baseline.before)
    if not study.baseline.scored or utility is None or not examples:
        return True
    seen = looked_again(study, point)
    return lost_of_both((utility * examples, examples), seen, study.baseline)[0] > most


def cut_point(
    scoring: Scoring, number: int, share: float, onto: Candidate | None, progress: Progress
) -> Candidate:
    """Cut one more share from a round's scores; the round is scored where it was not yet."""
    folder = scoring.folder / "points" / f"{number:04d}-{share:.6e}"
    before = onto.change if onto is not None and isinstance(onto.change, Masks) else None

    def cut() -> dict[str, int]:
        scored = score_round(scoring, number, before, progress)
        into = folder / "mask"
        masked = ranks.share(lambda: masked_entries(scored.cut(share, into, before), scoring.sites))
        return {"masked": masked}

    masked = remember(folder / "point.json", cut)["masked"]
    return Candidate(
        scorer=scoring.registered.spec.name,
        round=number + 1,
        ratio=share if onto is None else onto.ratio + share,
        share=masked / scoring.sites.entries,
        change=Masks(folder / "mask"),
    )


def screened(study: Study[Any], point: Candidate, allowed: float | None = None) -> Candidate:
    """A candidate with the figures that need no answers.

    Args:
        study: what measures it.
        point: the candidate.
        allowed: how many times the utility budget it may cost. Benign answers are then looked at
            first, and harmful ones only where those cost no more: else the margin stays unknown.
    """
    if allowed is None:
        return _looked_at(study, point, SCREENED, "screen")
    benign = _looked_at(study, point, ("utility",), "screen-benign")
    if benign.screen is None or costs(study, benign, allowed):
        return benign
    seen = _looked_at(study, point, ("realign", "refusal"), "screen-harmful").screen
    assert seen is not None
    known = replace(benign.screen, margin=seen.margin, refusing=seen.refusing)
    return replace(point, screen=known)


def _looked_at(
    study: Study[Any], point: Candidate, sets: Sequence[SetName], name: str
) -> Candidate:
    folder = point.change.folder.parent

    def measure() -> dict[str, Any]:
        read = study.scoring.weights.with_change(point.change).read
        work = folder / "screening"
        seen = screen(study.panel, study.scoring.skeleton, read, work, study.progress, sets)
        return seen.to_json()

    return replace(point, screen=Screen(**remember(folder / f"{name}.json", measure)))


def looked_again(study: Study[Any], point: Candidate) -> Candidate:
    """A candidate with its results on the benign answers that scoring sees, where they count."""
    if not study.baseline.scored:
        return point
    folder = point.change.folder.parent

    def measure() -> list[ExampleResult]:
        read = study.scoring.weights.with_change(point.change).read
        work = folder / "screening"
        return follow_scored(study.panel, study.scoring.skeleton, read, work, study.progress)

    return replace(point, scored=remember_results(folder / "scored.json", measure))


def generated(study: Study[Any], point: Candidate) -> Candidate:
    """A candidate with its answers to the prompts of the select split, judged."""
    folder = point.change.folder.parent

    def measure() -> list[ExampleResult]:
        results, _ = evaluate(
            study.panel,
            "select",
            study.scoring.skeleton,
            study.scoring.weights.with_change(point.change).read,
            folder / "measuring",
            study.progress,
        )
        return results

    answered = replace(point, results=remember_results(folder / "results.json", measure))
    return looked_again(study, answered)


def time_is_up(study: Study[Any], point: Candidate) -> bool:
    """Whether the search must end, as the clock was read when this candidate was done with.

    What was read is remembered: resumed after an interruption, a search takes the same way up
    to there, and under another limit it stops elsewhere. It does not stop at a candidate that it
    was past before, and whose change is no longer there to be measured.
    """
    gone = ranks.share(lambda: not point.change.folder.exists())
    spent = remember(point.change.folder.parent / "time.json", study.clock.spent)
    return study.clock.limit is not None and spent >= study.clock.limit and not gone


def figures_of_point(point: Candidate) -> dict[str, Figure]:
    """What a progress shows of a candidate, as far as it was measured.

    Where it answered, utility is that of its answers' examples; else that of the first look.

    Args:
        point: the candidate.
    """
    seen = point.screen
    known: dict[str, Figure] = {
        "masked" if isinstance(point.change, Masks) else "changed": point.share
    }
    if seen is not None:
        known |= {"margin": seen.margin, "refusing": seen.refusing, "utility": seen.utility}
    return known | (figures_of(point.results) if point.results is not None else {})


def time_left(study: Study[Any], longest: float, rounds: int) -> float | None:
    """The most seconds that the search takes from here; None where nothing is known of it.

    Args:
        study: the search, with the limit of its time.
        longest: seconds of the longest round so far; 0 where none was taken.
        rounds: how many may follow.
    """
    most = [longest * rounds if longest else None, study.clock.left()]
    known = [each for each in most if each is not None]
    return round(min(known), 1) if known else None


def remember(path: Path, compute: Callable[[], Any]) -> Any:
    """What was computed before an interruption, or compute it now and keep it.

    What can't be read, as a failing disk leaves it, is computed again.
    """
    if not ranks.share(lambda: _is_whole(path)):
        computed = compute()
        ranks.share(lambda: _keep(path, computed))
    return ranks.share(lambda: json.loads(path.read_bytes()))


def remember_results(
    path: Path, compute: Callable[[], Sequence[ExampleResult]]
) -> tuple[ExampleResult, ...]:
    """Results from before an interruption, or those that are computed now and kept."""
    rows = remember(path, lambda: [asdict(result) for result in compute()])
    return tuple(ExampleResult(**row) for row in rows)


def _is_whole(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except (OSError, ValueError):
        return False
    return True


def _keep(path: Path, computed: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, computed)


def forget(point: Candidate) -> None:
    """Give back the disk space of a change that a later one holds, or that was undone.

    A point that generated may still be chosen, and keeps its change.
    """
    if point.results is None:
        ranks.share(lambda: remove_folder(point.change.folder))
