"""A source on the test Hub and a repair of it in a folder: a few hundred bytes each."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

from modelrepair.artifact.records import Origin
from tests.support.hub.state import Hub
from tests.support.small_repairs import Made, make_checkpoint, make_repair

PICKLES = {"training_args.bin", "pytorch_model.bin", "checkpoint-9/optimizer.pt"}


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, as the Hub would hold it."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def on_the_hub(
    hub: Hub, folder: Path, id: str = "user/model", *, subject: str = "weight", **more: object
) -> Made:
    """Put a source on the Hub, with pickles beside its weights, and repair it here."""
    flags = {name: more.pop(name) for name in ("gated", "private") if name in more}
    files = files_of(make_checkpoint(folder / "seed", sharded=bool(more.get("sharded"))))
    files["pytorch_model.bin"] = b"\x80\x02the same weights"
    files["checkpoint-9/optimizer.pt"] = b"PK state"
    files["notes.csv"] = b"1,2"
    commit = hub.add(id, files, **flags)
    source = Origin(id=id, hub=True, commit=commit)
    if subject == "delta":
        hub.add("org/base", files_of(make_checkpoint(folder / "base", seed=1)))
    # A picture takes longer than everything else together, and is tested elsewhere.
    with mock.patch("modelrepair.artifact.writer.plot_layers", return_value=False):
        return make_repair(folder, subject=subject, source=source, **more)
