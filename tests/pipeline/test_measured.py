"""What a repair measures: measurements of one result are never taken for those of another."""

from __future__ import annotations

from types import SimpleNamespace

from modelrepair.pipeline.measured import folder_after


def test_measures_of_a_result_belong_to_its_files(tmp_path):
    context = SimpleNamespace(workspace=SimpleNamespace(work=tmp_path))
    one, same, other = (
        folder_after(context, SimpleNamespace(files={"model.safetensors": digest}))
        for digest in ("1f", "1f", "2a")
    )
    assert one == same != other
