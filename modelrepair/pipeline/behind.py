"""A model whose answers come from an endpoint: its tokenizer and template are here, no weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelrepair.engine.stops import read_stops, stop_tokens
from modelrepair.examples.splits import Splits
from modelrepair.pipeline.models import find_base
from modelrepair.pipeline.open_models import folder_of_tokenizer, load_template, panel_by
from modelrepair.plugin.judge import Judge
from modelrepair.progress import Notes
from modelrepair.settings.settings import Settings
from modelrepair.source.adapter_config import read_adapter
from modelrepair.source.resolve import small_files

if TYPE_CHECKING:
    from modelrepair.evaluation.panel import Panel


@dataclass(frozen=True)
class Behind:
    """What renders the prompts of a model that answers elsewhere.

    Args:
        name: its Hub id, or its folder's name.
        panel: what it is measured with.
        end_ids: the tokens that end an answer by its files.
    """

    name: str
    panel: Panel
    end_ids: tuple[int, ...]


def open_behind(settings: Settings, splits: Splits, judge: Judge, notes: Notes) -> Behind:
    """The panel of a model by its small files.

    Args:
        settings: which model, and how long answers may be.
        splits: the example sets.
        judge: calls answers harmful, refusals or harmless.
        notes: where warnings go.

    Raises:
        UnsupportedModelError: there is no tokenizer, or its template can't be used.
        HubError: the Hub, the rights on it, or the network.
    """
    source = small_files(settings.source, settings.revision, settings.include)
    adapter, base = read_adapter(source.folder), None
    if adapter is not None:
        base = find_base(settings.base, adapter, weights=False, include=settings.include)
    whole, folder = base or source, folder_of_tokenizer(source, base)
    config = _config(whole.folder)
    template = load_template(
        folder, settings.max_length, None, notes, _context(config), settings.thought_markers
    )
    panel = panel_by(template, settings, splits, judge, notes)
    known = len(template.tokenizer)
    named = stop_tokens(getattr(config, "eos_token_id", None), known).known
    return Behind(source.id or source.name, panel, (*read_stops(whole.folder, known).known, *named))


def _config(folder: Path) -> Any:
    """The configuration; None where this transformers does not know it: the server does."""
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except Exception:
        return None


def _context(config: Any) -> int | None:
    from modelrepair.engine.positions import context_of

    return None if config is None else context_of(config)
