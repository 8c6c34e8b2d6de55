"""Where the answers of one model come from that does not answer here: a server, or what was saved.

Both give what a report holds of a model: a verdict for each prompt, those asked for their kind
alone among them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelrepair.artifact.measurement import MeasuredRow, Measurement, read_measurement
from modelrepair.artifact.records import AnswersRecord, JudgeRecord, ModelRole, Origin
from modelrepair.errors import EndpointError, UsageError
from modelrepair.evaluation.endpoint import Endpoint, client_of, endpoint_of, look
from modelrepair.evaluation.results import KINDS, MEASURED_SETS, ExampleResult
from modelrepair.examples.example import Example
from modelrepair.examples.kinds import KIND_TOKENS
from modelrepair.pipeline.arguments import Place
from modelrepair.pipeline.benign_kinds import asked_alone
from modelrepair.pipeline.how_asked import answered_by, asking
from modelrepair.plugin.names import MeasuredSet
from modelrepair.progress import CALLED, Progress
from modelrepair.settings.settings import Settings
from modelrepair.source.address import is_id
from modelrepair.text.typed_paths import from_home

if TYPE_CHECKING:
    from modelrepair.evaluation.ask_kinds import AskedKinds
    from modelrepair.pipeline.behind import Behind


@dataclass(frozen=True)
class Saved:
    """Measurements that were saved.

    Args:
        name: of the first file.
        model: what was measured: an id, or a folder's name.
        rows: by set and prompt.
        answers: what answered.
        option: what named them.
    """

    name: str
    model: str
    rows: Mapping[tuple[MeasuredSet, str], MeasuredRow]
    answers: AnswersRecord
    option: str


Answerer = Endpoint | Saved


@dataclass(frozen=True)
class Asking:
    """What is asked of each model, and how.

    Args:
        behind: what renders and judges.
        settings: how long answers may be.
        whole_kinds: ask for a whole answer to what is asked for its kind alone: saved ones are.
    """

    behind: Behind
    settings: Settings
    whole_kinds: bool


def is_address(place: Place) -> bool:
    """Whether a place is a server's, and no file's.

    >>> is_address("http://127.0.0.1:8000/v1"), is_address("before.json")
    (True, False)
    """
    return isinstance(place, str) and "://" in place


def find_answerer(
    role: ModelRole,
    place: Place,
    model: str | None,
    at_once: int,
    judge: JudgeRecord,
    settings: Settings,
    source: Origin,
    wanted: Origin | None,
) -> Answerer:
    """What answers for a model; looked at before anything is asked.

    Args:
        role: the model's.
        place: where its answers come from.
        model: what the server calls it; None for the one that it has.
        at_once: requests under way together.
        judge: who judges now.
        settings: how the repair asks.
        source: what was repaired.
        wanted: the model, where it is known; None for the repaired one.

    Raises:
        UsageError: no address, no measurement, one that was made in another way, or a server with
            several models of which none was named.
        EndpointError: the server can't be reached, or has another model.
    """
    option = f"--{role}"
    if is_address(place):
        return _server(option, str(place), model, at_once, role, source, wanted)
    if model is not None:
        raise UsageError(
            f"{option}-model goes with the address of a server, and {option} is none",
            hint=f"leave {option}-model out",
        )
    files = [place] if isinstance(place, str | Path) else list(place)
    if any(map(is_address, files)):
        raise UsageError(
            f"{option} is given twice, and one is an address", hint="give one address, or files"
        )
    found = _saved(option, [from_home(each) for each in files], judge, settings)
    if differs := _another(found.model, role, source, wanted):
        raise UsageError(
            f"{found.name!r} is of {found.model!r}, {differs}",
            hint="measure the right one; are --before and --after swapped?",
            id="other-measurement",
        )
    return found


def _saved(option: str, files: Sequence[Path], judge: JudgeRecord, settings: Settings) -> Saved:
    found = [(each.name, read_measurement(each)) for each in files]
    for name, measurement in found:
        _check_comparable(option, name, measurement, judge, settings)
    name, first = found[0]
    if any((each.model, each.answers) != (first.model, first.answers) for _, each in found):
        raise UsageError(
            f"the files of {option} are of different models, engines or routes",
            hint="measure the model with the same server for all of them",
            id="other-measurement",
        )
    rows: dict[tuple[MeasuredSet, str], MeasuredRow] = {}
    for other, each in found:
        own = {(row.set, row.prompt): row for row in each.rows}
        if any(rows.get(key, row) != row for key, row in own.items()):
            raise UsageError(
                f"the files of {option} say two things of one prompt, the second in {other!r}",
                hint="leave out the file that does not hold: each prompt is answered once",
                id="other-measurement",
            )
        rows |= own
    return Saved(name, first.model, rows, first.answers, option)


def _check_comparable(
    option: str, name: str, saved: Measurement, judge: JudgeRecord, settings: Settings
) -> None:
    """Refuse a measurement that was not made as the repair's is."""
    if differs := _difference(saved, judge, settings):
        raise UsageError(
            f"{name!r} can't be compared: {differs}",
            hint=f"measure it again as the repair asks, or give {option} an address",
            id="other-measurement",
        )


def _difference(saved: Measurement, judge: JudgeRecord, settings: Settings) -> str | None:
    """The first thing that a measurement did otherwise than the repair does."""
    one, two = saved.judge, judge
    if one.name != two.name:
        return f"its judge is {one.name}, that of the repair {two.name}"
    then, now = (f"{each.name} {each.version} {each.options}" for each in (one, two))
    if then != now:
        return f"its judge is {then}, that of the repair {now}"
    if one != two:
        return f"its judge {one.name} is another model than that of the repair"
    if saved.template is not None:
        return f"its prompts were rendered with the template {saved.template!r}"
    for key, value in asking(settings).items():
        if saved.asked.get(key) != value:
            return f"its {key} is {saved.asked.get(key)}, that of the repair {value}"
    return None


def _server(
    option: str,
    url: str,
    model: str | None,
    at_once: int,
    role: ModelRole,
    source: Origin,
    wanted: Origin | None,
) -> Endpoint:
    """A server and the model there: as it is named, else the wanted one, else the only one."""
    if model is not None:
        return endpoint_of(url, model, at_once, option)
    probe = endpoint_of(url, "(any)", at_once, option)
    with client_of(probe) as client:
        names = look(client, probe)[2]
    if wanted is not None and wanted.hub and wanted.id in names:
        return endpoint_of(url, wanted.id, at_once, option)
    if len(names) != 1:
        has = f"has {', '.join(names[:5])}" if names else "lists no models"
        raise UsageError(
            f"{probe.url} {has}, and which of them is the {CALLED[role]} model is not said",
            hint=f"name it with {option}-model",
        )
    if differs := _another(names[0], role, source, wanted):
        mends = (
            "serve the repaired folder there: are --before and --after swapped?"
            if role == "after"
            else f"serve that one, or name it with {option}-model where it is the same"
        )
        raise EndpointError(
            f"{probe.url} has {names[0]!r}, {differs}", hint=mends, id="endpoint-other-model"
        )
    return endpoint_of(url, names[0], at_once, option)


def _another(name: str, role: ModelRole, source: Origin, wanted: Origin | None) -> str:
    """Which model was to answer, where a name is the id of another; empty where it may be it."""
    if role == "after" and source.hub and name == source.id:
        return "which is the source and not the repaired model"
    # A name of one word is a nickname; "user/other" is another model's.
    named = "/" in name and is_id(name)
    if wanted is not None and wanted.hub and named and name != wanted.id:
        return f"and the {CALLED[role]} model is {wanted.id!r}"
    return ""


def results_of(
    by: Answerer,
    asked: Asking,
    before: Sequence[ExampleResult],
    progress: Progress,
) -> tuple[list[ExampleResult], AnswersRecord]:
    """What a model answered on the report split, judged; utility is in none of it.

    Args:
        by: what answers.
        asked: what is asked.
        before: the source's results, which decide the kinds that are asked; empty for the source.
        progress: where the work is shown.

    Raises:
        EndpointError: the server can't be reached, refuses, or gives no answer.
        UsageError: a saved measurement lacks a prompt.
    """
    from modelrepair.evaluation.ask_kinds import asked_of
    from modelrepair.evaluation.kinds import left_out

    kinds = asked_of(asked.behind.panel.splits.kinds, left_out(before))
    if isinstance(by, Saved):
        return _looked_up(by, asked, kinds), by.answers
    return _asked(by, asked, kinds, progress, alone=not before)


def _asked(
    endpoint: Endpoint,
    asked: Asking,
    kinds: Sequence[AskedKinds],
    progress: Progress,
    *,
    alone: bool,
) -> tuple[list[ExampleResult], AnswersRecord]:
    from modelrepair.evaluation.ask_kinds import ask
    from modelrepair.evaluation.evaluate import evaluate_answers
    from modelrepair.evaluation.remote import RemoteModel

    panel = asked.behind.panel
    remote = RemoteModel(endpoint, asked.behind.end_ids)
    results, _ = evaluate_answers(panel, "report", remote, progress)
    few = asked_alone(panel.splits) if alone else ()
    tokens = panel.max_new_tokens if asked.whole_kinds else KIND_TOKENS
    results += ask(panel, kinds, remote, progress, alone=few, tokens=tokens)
    return results, answered_by(remote.served, endpoint.model, asking(asked.settings))


def _looked_up(saved: Saved, asked: Asking, kinds: Sequence[AskedKinds]) -> list[ExampleResult]:
    prompts = asked.behind.panel.prompts("report")
    missing: dict[str, int] = {}

    def row(name: MeasuredSet, example: Example) -> dict[str, Any]:
        found = saved.rows.get((name, example.prompt_digest))
        if found is None:
            missing[name] = missing.get(name, 0) + 1
            return {"verdict": None}
        return found.model_dump(exclude={"set", "prompt"})

    results = [
        ExampleResult(
            name,
            index,
            kind=example.kind if name != "harmful" else None,
            **row(name, example),
        )
        for name in MEASURED_SETS
        for index, example in enumerate(prompts.get(name, ()))
    ]
    for one in kinds:
        found = {**row(one.role, one.example), "exact": None, "language": None}
        results.append(ExampleResult(KINDS, one.index, kind=one.example.kind, **found))
    if missing:
        lacks = " and ".join(f"{count} of the {name} prompts" for name, count in missing.items())
        raise UsageError(
            f"{saved.name!r} lacks {lacks} of the report",
            hint="measure the model on the sets of the repair, whole, those of the kinds of benign "
            f"prompts among them; {saved.option} may be given for each file",
            id="other-measurement",
        )
    return results
