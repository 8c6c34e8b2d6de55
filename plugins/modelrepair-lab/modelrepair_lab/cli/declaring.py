"""How the lab's commands are declared: as those of modelrepair, of which they are a part."""

from __future__ import annotations

from modelrepair.cli.options import FOLDER, command, option
from modelrepair.cli.output import Output

__all__ = ["FOLDER", "Output", "command", "option"]
