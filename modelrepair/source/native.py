"""What transformers has of its own, known without importing it."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any


def is_native(config: Any) -> bool:
    """Whether transformers has code of its own for a model, so that the model's is not needed.

    >>> is_native({"model_type": "phi3", "auto_map": {"AutoConfig": "mine.Phi3Config"}})
    True
    >>> is_native({"model_type": "mine"}), is_native({"model_type": "phi3", "architectures": ["A"]})
    (False, False)

    Args:
        config: what the model's ``config.json`` holds.
    """
    if not isinstance(config, dict):
        return False
    kind, named = config.get("model_type"), config.get("architectures") or ()
    # A config that names a class of its own needs that class, whatever layout it derives from.
    return _named(kind, "auto_mappings.py", "configuration_auto.py") and all(
        _named(each, "modeling_auto.py") for each in named
    )


@cache
def classes_for(task: str) -> Mapping[str, str]:
    """Model type → the class that transformers loads it with for a task.

    >>> classes_for("CAUSAL_LM")["llama"], "qwen2_5_vl" in classes_for("IMAGE_TEXT_TO_TEXT")
    ('LlamaForCausalLM', True)

    Args:
        task: as transformers writes it between ``MODEL_FOR_`` and ``_MAPPING_NAMES``.
    """
    name = rf"^MODEL_FOR_{task}_MAPPING_NAMES\b.*?^\)"
    found = re.search(name, _table("modeling_auto.py"), re.DOTALL | re.MULTILINE)
    return dict(re.findall(r'\("([\w.-]+)", "(\w+)"\)', found[0])) if found else {}


def _named(name: Any, *tables: str) -> bool:
    return isinstance(name, str) and any(f'"{name}"' in text for text in map(_table, tables))


@cache
def _table(name: str) -> str:
    """A table of transformers as text: importing it takes seconds, and torch with it."""
    spec = importlib.util.find_spec("transformers")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(place) / "models" / "auto" / name
        if path.is_file():
            return path.read_text(encoding="utf-8")
    return ""
