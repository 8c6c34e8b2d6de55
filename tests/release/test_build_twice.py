"""Wheel and sdist come out the same, byte for byte."""

from __future__ import annotations

import zipfile

import pytest

from tests.release import build_twice


@pytest.mark.slow
def test_both_are_the_same_twice(tmp_path, capsys):
    assert build_twice.main(tmp_path / "dist") == 0
    sdist, wheel = sorted((tmp_path / "dist").iterdir(), key=lambda path: path.suffix)
    assert (sdist.suffixes[-2:], wheel.suffix) == ([".tar", ".gz"], ".whl")
    assert "the same bytes twice" in capsys.readouterr().out
    names = zipfile.ZipFile(wheel).namelist()
    assert "modelrepair/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_a_build_that_differs_is_named(tmp_path, monkeypatch, capsys):
    def build(tree, out, kinds, circumstances):
        out.mkdir()
        (out / "mine-1.whl").write_text(circumstances.get("TZ", "UTC"), encoding="utf-8")
        if "sdist" in kinds:
            with build_twice.tarfile.open(out / "mine-1.tar.gz", "w") as archive:
                archive.add(tree / "pyproject.toml", "mine/pyproject.toml")

    monkeypatch.setattr(build_twice, "build", build)
    assert build_twice.main(tmp_path / "dist") == 1
    assert "mine-1.whl" in capsys.readouterr().out
    assert not (tmp_path / "dist").exists()
