from __future__ import annotations

import builtins

from modelrepair.publish.manifest import Site
from modelrepair.publish.plot import plot_layers


def sites(blocks):
    return [
        Site(name=f"{b}.{kind}", kind=kind, block=b, shape=(2, 5), entries=10, masked=(b or 0) % 3)
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
    assert not path.exists()
