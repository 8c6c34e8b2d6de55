"""What is known of a model before a byte of its weights is read, and what a table makes of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from modelrepair.checkpoint.reader import TensorEntry
from modelrepair.checkpoint.roles import role
from modelrepair.errors import UnsupportedModelError
from modelrepair.source.address import is_id


@dataclass(frozen=True)
class Look:
    """What is known of a model before its weights.

    Args:
        name: its id, or its folder's name.
        files: the names of all its files.
        config: what ``config.json`` holds (of an adapter, ``adapter_config.json``); None where it
            was not read yet.
        entries: the tensors by their headers; None where they were not read yet.
        card: the front matter of its card.
        hub: whether it is a repository on the Hub, and no folder here.
    """

    name: str
    files: Collection[str]
    config: Mapping[str, Any] | None = None
    entries: Sequence[TensorEntry] | None = None
    card: Mapping[str, Any] = field(default_factory=dict)
    hub: bool = False


@dataclass(frozen=True)
class ModelKind:
    """What a model is.

    Args:
        name: of its kind, in a word or two.
        why: why it can't be repaired, in one line; None where it can.
        hint: the way on, in one line.
    """

    name: str
    why: str | None = None
    hint: str = ""

    def check(self) -> None:
        """Refuse what can't be repaired.

        >>> ModelKind("language model").check()

        Raises:
            UnsupportedModelError: with the way on.
        """
        if self.why is not None:
            # The kind's name in kebab case, without an article.
            id = "-".join(self.name.lower().split()).removeprefix("a-")
            raise UnsupportedModelError(self.why, hint=self.hint, id=id)


Recognises = Callable[[Look], str | None]
"""Why a model of this kind can't be repaired, where it is one."""
WayOn = Callable[[Look], str]
Table = Mapping[str, tuple[Recognises, WayOn]]
"""Kind → what shows it, and the way on; in the order in which they are asked."""


def first_of(table: Table, look: Look) -> ModelKind | None:
    """The first row of a table that fits what is known of a model.

    >>> table = {"empty": (lambda look: None if look.files else "no file", lambda look: "add one")}
    >>> first_of(table, Look("user/model", []))
    ModelKind(name='empty', why='no file', hint='add one')
    """
    for name, (recognises, way_on) in table.items():
        if (why := recognises(look)) is not None:
            return ModelKind(name, why, way_on(look))
    return None


def is_weights(name: str) -> bool:
    """Whether a file is one that a loader takes the model's weights from.

    >>> is_weights("model.safetensors"), is_weights("checkpoint-500/model.safetensors")
    (True, False)
    """
    # Deeper down there are other models' weights, and names are spelt as loaders look for them.
    return "/" not in name and name.endswith(".safetensors") and role(name) == "weights"


def original(card: Mapping[str, Any]) -> str | None:
    """The one model that a card names as what it was made from; a merge has several.

    >>> original({"base_model": ["user/whole"], "base_model_relation": "quantized"})
    'user/whole'
    """
    base = card.get("base_model")
    if isinstance(base, list) and len(base) == 1:
        base = base[0]
    if card.get("base_model_relation") == "merge" or not isinstance(base, str):
        return None
    return base if is_id(base) else None


def say(text: str) -> WayOn:
    """A way on that is the same for every model but for its ``{name}``.

    >>> say("look at {name}")(Look("user/model", []))
    'look at user/model'
    """
    return lambda look: text.format(name=look.name)


def instead(made: str) -> WayOn:
    """To give the model that this one was made from, by name where its card says it.

    >>> instead("quantised")(Look("user/4bit", [], card={"base_model": "user/whole"}))
    'give user/whole, which its card names as the model that it was quantised from'
    """

    def way_on(look: Look) -> str:
        found = original(look.card)
        named = f"{found}, which its card names as the model" if found else "the model"
        return f"give {named} that it was {made} from"

    return way_on
