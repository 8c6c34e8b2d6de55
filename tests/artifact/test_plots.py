"""Plots are the same bytes for the same figures."""

from __future__ import annotations

import builtins

from modelrepair.artifact.plots import plot_frontier, plot_layers
from modelrepair.artifact.records import CandidateRecord, SiteRecord
from modelrepair.evaluation.measures import Measure
from modelrepair.evaluation.measures import Measures as Measured


def sites(blocks):
    return [
        SiteRecord(
            name=f"{b}.{kind}", kind=kind, block=b, shape=(2, 5), entries=10, masked=(b or 0) % 3
        )
        for b in blocks
        for kind in ("q_proj", "down_proj")
        if (b, kind) != (1, "down_proj")
    ]


def test_the_same_sites_give_the_same_bytes(tmp_path):
    one, two = tmp_path / "1.svg", tmp_path / "2.svg"
    assert plot_layers(one, sites(range(40))) and plot_layers(two, sites(range(40)))
    content = one.read_text()
    assert content == two.read_text()
    assert ">q_proj<" in content and "<dc:date>" not in content and "Matplotlib" not in content


def points(*harm: float, **more) -> list[CandidateRecord]:
    def figure(value: float) -> Measure:
        return Measure(value=value, n=100, low=None, high=None)

    return [
        CandidateRecord(scorer="wanda" if number < 2 else "contrast", round=1, ratio=0.1, share=0.1,
              chosen=number == 1,
              measures=Measured(judge="j", harmful_score=figure(each), utility=figure(0.5), **more))
        for number, each in enumerate(harm)
    ]  # fmt: skip


def test_the_frontier_has_a_line_for_each_scorer_and_the_chosen_point(tmp_path):
    one, two = tmp_path / "1.svg", tmp_path / "2.svg"
    for path in (one, two):
        assert plot_frontier(path, points(0.9, 0.5, 0.4))
    content = one.read_text()
    assert content == two.read_text()
    for word in (">wanda<", ">contrast<", ">chosen<", ">utility, %<", ">harmful answers, %<"):
        assert word in content, word


def test_a_frontier_of_one_point_or_without_measures_is_none(tmp_path):
    unmeasured = CandidateRecord(scorer="wanda", round=1, ratio=0.1, share=0.1)
    assert not plot_frontier(tmp_path / "x.svg", points(0.9))
    assert not plot_frontier(tmp_path / "x.svg", [unmeasured, unmeasured])
    assert not list(tmp_path.iterdir())


def test_nothing_to_draw_or_to_draw_with(tmp_path, monkeypatch):
    path = tmp_path / "layers.svg"
    assert not plot_layers(path, []) and not plot_layers(path, sites([None]))
    original = builtins.__import__

    def without_matplotlib(name, *rest, **more):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return original(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without_matplotlib)
    assert not plot_layers(path, sites(range(2)))
    assert not plot_frontier(path, points(0.9, 0.5))
    assert not path.exists()
