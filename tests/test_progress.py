"""What a run says: steps that are parts of others, how they end, and watchers that fail."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from pydantic import TypeAdapter

from modelrepair.errors import UsageError
from modelrepair.progress import SCHEMA, Event, Notes, Progress, peak_memory, running
from tests.support.versions import DESCRIBED


def said_by(work) -> list[Event]:
    """All events of some work."""
    events: list[Event] = []
    work(Progress(events.append))
    return events


def test_steps_are_parts_of_others():
    def work(progress):
        with progress.step("contrast, round 1", round=1) as whole:
            with progress.step("statistics", 4, "tokens") as advance:
                advance(3)
                advance()
            whole.found(masked=0.5)
        progress.note("done")

    begin, inner, *advances, inner_end, end, note = said_by(work)
    assert (begin.name, begin.total, begin.within, begin.figures) == (
        "contrast, round 1", None, None, {"round": 1})  # fmt: skip
    assert (inner.within, inner.total, inner.unit) == (begin.step, 4, "tokens")
    assert [each.done for each in advances] == [3, 4]
    assert (inner_end.outcome, inner_end.done) == ("done", 4)
    assert (end.step, end.outcome, end.figures) == (begin.step, "done", {"round": 1, "masked": 0.5})
    assert note.text == "done"


def test_the_end_of_a_step_has_its_time_and_memory():
    def work(progress):
        with progress.step("work", 1):
            sum(range(2_000_000))

    *_, end = said_by(work)
    assert 0 < end.processor_seconds <= 10 * end.seconds + 0.1
    assert end.peak_bytes == pytest.approx(peak_memory(), rel=0.1)


def test_what_was_done_by_an_earlier_run_is_said():
    def work(progress):
        with progress.step("source") as whole:
            whole.found(harm=1.0)  # remembered: no step was taken for it

    *_, end = said_by(work)
    assert (end.outcome, end.figures) == ("earlier", {"harm": 1.0})


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_step_that_fails_is_stopped_with_all_that_it_is_part_of(error):
    events: list[Event] = []
    progress = Progress(events.append)
    with pytest.raises(error), progress.step("outer"), progress.step("inner", 2) as advance:
        advance()
        raise error
    assert [(each.name, each.outcome) for each in events[-2:]] == [
        ("inner", "stopped"), ("outer", "stopped")]  # fmt: skip
    with progress.step("again", 1):
        pass
    assert events[-1].within is None


@pytest.mark.parametrize(
    ("error", "named"),
    [(UsageError("no", hint="do", id="unknown-name"), "unknown-name"),
     (KeyboardInterrupt(), "KeyboardInterrupt"), (ValueError("/home/me"), "ValueError")],
)  # fmt: skip
def test_a_run_that_fails_names_the_error_by_its_id_alone(error, named):
    events: list[Event] = []
    with pytest.raises(type(error)), running("repair", Progress(events.append)):
        raise error
    finish = events[-1]
    assert (finish.event, finish.outcome, finish.error) == ("finish", "stopped", named)
    assert "/home/me" not in json.dumps(finish.to_json())


def test_a_run_says_what_came_of_it():
    events: list[Event] = []
    with running("repair", Progress(events.append)) as whole:
        whole.found(verdict="passed")
    assert [each.event for each in events] == ["start", "finish"]
    assert (events[1].outcome, events[1].figures["verdict"]) == ("done", "passed")
    assert events[0].figures["version"]


def test_a_watcher_that_fails_is_left_out_and_the_run_continues():
    events: list[Event] = []

    def broken(event):
        raise ValueError("oh")

    progress = Progress(broken, events.append)
    with progress.step("work", 1) as advance:
        advance()
    assert [each.text for each in events if each.event == "note"] == [
        "a display of the progress failed and is left out: ValueError: oh"
    ]
    assert events[-1].outcome == "done"


def test_the_last_watcher_that_fails_is_warned_of_once():
    progress = Progress(lambda event: 1 / 0)
    with pytest.warns(RuntimeWarning, match="left out: ZeroDivisionError") as warned:
        progress.note("one")
        progress.note("two")
    assert len(warned) == 1


@pytest.mark.filterwarnings("error")
def test_a_warning_that_is_an_error_ends_no_run_either():
    Progress(lambda event: 1 / 0).note("a line")


def test_a_watcher_may_stop_the_run_as_ctrl_c_does():
    def stop(event):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Progress(stop).note("a line")


def test_an_event_as_json_has_its_schema_and_nothing_that_it_lacks():
    event = Event(event="note", time=1.5, text="a line")
    assert event.to_json() == {"schema": SCHEMA, "event": "note", "time": 1.5, "text": "a line"}
    assert next(iter(event.to_json())) == "schema", "a file of events is known by it"


def test_the_peak_is_that_of_this_process_and_grows():
    before = peak_memory()
    block = bytearray(200_000_000)
    block[::4096] = b"x" * len(block[::4096])
    assert peak_memory() >= before
    assert peak_memory() > 200_000_000


SCHEMA_FILE = Path(__file__).parents[1] / "docs" / "events.schema.json"
REFRESH = (
    "python -c 'import json; from tests.test_progress import schema_of_events; "
    "print(json.dumps(schema_of_events(), indent=2))' > docs/events.schema.json"
)


def schema_of_events() -> dict:
    """The JSON Schema of a line: an event's, with its version, and with nothing that it lacks."""
    made = TypeAdapter(Event).json_schema()
    made["properties"] = {"schema": {"const": SCHEMA}, **made["properties"]}
    made["required"] = ["schema", *made["required"]]
    return made


@DESCRIBED
def test_the_published_schema_is_current_and_events_keep_to_it():
    published = json.loads(SCHEMA_FILE.read_text())
    assert published == schema_of_events(), REFRESH

    def work(progress):
        with running("repair", progress) as whole:
            progress.plan("Runs  yes", seconds_least=1, seconds_most=None)
            with progress.step("answers", 2, "answers", round=1) as advance:
                advance()
            whole.found(verdict="passed")

    for event in said_by(work):
        jsonschema.validate(event.to_json(), published)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"schema": SCHEMA + 1, "event": "note", "time": 0}, published)


def test_a_warning_is_kept_once_and_in_order():
    notes = Notes()
    for line in ("b", "a", "b"):
        notes.warn(line)
    assert notes.warnings == ["b", "a"]


def test_nothing_is_shown_by_a_progress_without_watchers(capsys):
    progress = Progress()
    with progress.step("pass", total=2) as advance:
        advance()
        advance(0.5)
    progress.note("a line")
    assert capsys.readouterr() == ("", "")
