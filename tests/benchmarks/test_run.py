"""The command line of the benchmark."""

from pathlib import Path

import pytest
import torch

from benchmarks import run, running
from benchmarks.measured import Measured
from benchmarks.page import BEGIN, END


@pytest.fixture
def files(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\n{END}\nafter\n")
    return ["--results", str(tmp_path / "results.json"), "--page", str(page)]


def test_without_a_gpu_it_says_so_and_what_helps(files, monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert run.main(["--device", "cuda", *files]) == 1
    first, hint = capsys.readouterr().err.splitlines()
    assert first.startswith("no GPU: ") and hint.startswith("hint: ")


def test_parts_that_are_not_there_are_refused(files, capsys):
    with pytest.raises(SystemExit) as ended:
        run.main(["scorin", *files])
    assert ended.value.code == 2
    assert "no part 'scorin'; there are scoring, reverse" in capsys.readouterr().err


def test_a_part_is_measured_and_the_page_is_written(files, monkeypatch):
    began = []

    def start(row, options):
        began.append((row.contestant, options.shape, row.scored.blocks, row.scored.examples))
        return Measured(4.0, 2.0, 10**9, {"scoring_s": 1.0})

    monkeypatch.setattr(running, "start_row", start)
    asked = ["reverse", "--shape", "tiny", "--blocks", "3", "--examples", "5", *files]
    assert run.main(asked) == 0
    assert began == [("ours", "tiny", 3, 5), ("forward", "tiny", 3, 5)]
    text = Path(files[-1]).read_text()
    assert text.startswith("before\n") and text.endswith("after\n")
    assert "### The reverse pass: tiny with 3 blocks, 5 examples, cpu" in text


def test_on_a_gpu_the_largest_shape_that_fits_is_compared(files, monkeypatch):
    asked = []
    monkeypatch.setattr(run, "no_gpu", lambda: None)
    monkeypatch.setattr(run, "largest", lambda: "1.3b")
    monkeypatch.setattr(run, "describe", lambda device: {"device": f"{device}, Some GPU"})
    monkeypatch.setattr(
        run, "run_part", lambda name, _, options, *rest, **more: asked.append((name, options))
    )
    assert run.main(["--device", "cuda", *files]) == 0
    assert [name for name, _ in asked] == ["scoring", "reverse", "whole"]
    assert {(options.shape, options.device) for _, options in asked} == {("1.3b", "cuda")}


def test_all_parts_run_as_one_command_on_the_smallest_shapes(files, monkeypatch):
    began = []

    def start(row, options):
        began.append(row)
        said = {"scoring_s": 1.0, "verdict": "passed", "phases_s": {"all": 2.0, "statistics": 1.5}}
        return Measured(4.0, 2.0, 10**9, said)

    monkeypatch.setattr(running, "start_row", start)
    asked = ["--shape", "tiny", "--large", "tiny", "--examples", "4", "--trials", "1", *files]
    assert run.main(asked) == 0
    assert {row.scored.shape for row in began if row.scored} == {"tiny"}
    assert sum("heretic's way, 1 trials" in row.name for row in began) == 1
    text = Path(files[-1]).read_text()
    for part in run.PARTS.values():
        assert f"### {part.heading}: " in text
