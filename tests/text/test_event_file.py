"""The file of events: whole lines, no secret, no place of this machine, and over no other file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from modelrepair.errors import ResourceError
from modelrepair.progress import Event, Progress
from modelrepair.text.event_file import EventFile


def events_in(path: Path) -> list[dict]:
    text = path.read_text(encoding="ascii")
    assert text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(name="path")
def path_fixture(tmp_path):
    return tmp_path / "events.jsonl"


def test_each_event_is_a_line_at_once(path):
    progress = Progress(EventFile(path))
    with progress.step("answers", 4, "answers", utility=float("nan")) as advance:
        assert events_in(path)[-1]["name"] == "answers"
        for _ in range(4):
            advance()
    begin, advanced, end = events_in(path)
    assert begin["figures"] == {"utility": None}
    assert (advanced["done"], end["done"]) == (1, 4), "of how far it is, one a second"


def test_how_far_a_step_is_is_said_once_a_second(path):
    file = EventFile(path)
    for tenth in range(25):
        file(Event(event="advance", time=tenth / 10, step=1, done=tenth))
    assert [each["done"] for each in events_in(path)] == [0, 10, 20]


def test_nothing_secret_and_no_place_is_in_it(path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "my-odd-secret-word")
    said = (
        f"hf_abcdefghijk my-odd-secret-word {path} \udce8 /home/me/mine org/name https://host/a/b"
    )
    Progress(EventFile(path)).note(said)
    (note,) = events_in(path)
    assert note["text"] == "hf_… … events.jsonl \\xe8 mine org/name https://host/a/b"


def test_a_file_of_events_is_continued_from_its_last_whole_line(path):
    Progress(EventFile(path)).note("one")
    with path.open("ab") as file:
        file.write(b'{"schema": 1, "event": "no')
    Progress(EventFile(path)).note("two")
    assert [each["text"] for each in events_in(path)] == ["one", "two"]


@pytest.mark.parametrize("left", [b"", b'{"sch', b'{"schema": 1, "event"'])
def test_what_a_killed_run_left_of_the_first_line_is_taken_away(path, left):
    path.write_bytes(left)
    Progress(EventFile(path)).note("one")
    assert [each["text"] for each in events_in(path)] == ["one"]


OTHERS = [
    b'{"schema": "https://json-schema.org/draft"}',
    b'{"schema": 1, "rows": [1]}\n{"schema": 1',
]


@pytest.mark.parametrize(
    "held", [b"a model card\n", b"{}\n", b'[{"schema": 1}]', b"\x00" * 9, *OTHERS]
)
def test_another_file_is_refused_and_stays_as_it_is(path, held):
    path.write_bytes(held)
    with pytest.raises(ResourceError, match=r"events.jsonl is there already") as caught:
        EventFile(path)
    assert caught.value.id == "events-file"
    assert path.read_bytes() == held


@pytest.mark.parametrize("place", ["none/x", ".", "/proc/x", "x" * 300])
def test_what_cannot_be_written_is_an_error_with_a_hint(tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ResourceError, match="no events can be written to") as caught:
        EventFile(place)
    assert caught.value.hint
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("place", ["model", "model/repair", "link"])
@pytest.mark.parametrize("config", ["config.json", "adapter_config.json"])
def test_a_model_gets_no_file_of_ours(config, place, tmp_path):
    (tmp_path / "model" / "repair").mkdir(parents=True)
    (tmp_path / "link").symlink_to("model")
    (tmp_path / "model" / config).write_text("{}")
    with pytest.raises(ResourceError, match="would lie in a model's folder"):
        EventFile(tmp_path / place / "events.jsonl")
    assert not [*tmp_path.rglob("events.jsonl")]


def test_a_folder_below_another_program_s_config_is_no_model(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "logs").mkdir()
    EventFile(tmp_path / "logs" / "events.jsonl")(Event(event="note", time=0, text="fine"))
    assert "fine" in (tmp_path / "logs" / "events.jsonl").read_text()


def test_a_disk_that_fills_up_ends_the_file_and_not_the_run(path):
    if not Path("/dev/full").exists():
        pytest.skip("no such device here")
    others: list[Event] = []
    progress = Progress(EventFile("/dev/full"), others.append)
    with progress.step("work", 1) as advance:
        advance()
    assert "No space left" in next(each.text for each in others if each.event == "note")
    assert others[-1].outcome == "done"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_is_written_to_as_it_is(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    found: list[bytes] = []
    reader = threading.Thread(target=lambda: found.append(pipe.read_bytes()))
    reader.start()
    progress = Progress(EventFile(pipe))
    progress.note("one")
    del progress
    reader.join(10)
    assert json.loads(found[0])["text"] == "one"


def test_a_reader_never_sees_half_a_line(path):
    """Another process writes while this one reads: every line that ends is whole."""
    code = (
        "import sys; from modelrepair import EventFile, Progress\n"
        "progress = Progress(EventFile(sys.argv[1]))\n"
        "for number in range(2000): progress.note('x' * (number % 3000))\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", code, str(path)])
    seen = 0
    while writer.poll() is None or seen < 2000:
        held = path.read_bytes() if path.exists() else b""
        lines = held[: held.rfind(b"\n") + 1].splitlines()
        assert all(json.loads(line)["event"] == "note" for line in lines[seen:])
        seen = len(lines)
        if writer.poll() is not None:
            assert writer.returncode == 0
    assert seen == 2000
