"""What a repairer that trains makes of a very small model, and whether that is as it should be."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any, cast, get_args

import torch

from modelrepair.engine.passes.loss import batch_losses
from modelrepair.errors import kind_and_message
from modelrepair.examples.batches import padded
from modelrepair.plugin.names import SetName
from modelrepair.plugin.registry import make_repairer
from modelrepair.plugin.repairer import (
    TokenizedExample,
    TrainingContext,
    TrainingReference,
    TrainingRepairer,
)
from modelrepair.testing.checks import Broken, NotApplicable
from modelrepair.testing.subject import Subject
from modelrepair.testing.watching import Noted

if TYPE_CHECKING:
    from torch import Tensor

LOOKS = 2
"""How often the model is looked at; then the host has seen enough."""
EXAMPLES = 12
VOCABULARY = 32
FROZEN = "embed_tokens"
"""A parameter with this in its name may not change."""


@dataclass(frozen=True)
class Trained:
    """A short training.

    Args:
        steps: what it yielded, up to `LOOKS` times.
        before: the parameters before it.
        after: the parameters after it.
        trainable: the names of those that may change.
        read: the sets that were read.
        looked: what was asked of the reference: parameters, and "" for the whole model.
    """

    steps: tuple[float, ...]
    before: dict[str, Tensor]
    after: dict[str, Tensor]
    trainable: frozenset[str]
    read: frozenset[SetName]
    looked: frozenset[str] = frozenset()


def first_training(subject: Subject) -> Trained:
    """The training that all checks look at."""
    _trains(subject)
    return subject.once(trained)


def trained(subject: Subject) -> Trained:
    """Train a small model anew, up to `LOOKS` looks.

    Raises:
        NotApplicable: it edits matrices.
        Broken: it fails.
    """
    _trains(subject)
    repairer = cast(TrainingRepairer, make_repairer(subject.registered, subject.options))
    model = _model()
    sets = Noted[SetName, tuple[TokenizedExample, ...]](
        {name: _examples(name) for name in get_args(SetName)}
    )
    trainable = frozenset(name for name, each in model.named_parameters() if each.requires_grad)
    before = _values(model)
    device = torch.device("cpu")
    looked: set[str] = set()
    context = TrainingContext(
        model=model,
        sets=sets,
        batch=partial(padded, pad_id=0),
        losses=lambda batch: batch_losses(model, batch, device),
        device=device,
        seed=7,
        reference=_reference(trainable, looked) if subject.spec.reference else None,
    )
    try:
        with torch.enable_grad():
            steps = tuple(islice(repairer.train(context), LOOKS))
    except Exception as error:
        raise Broken(f"it failed: {kind_and_message(error)}") from error
    read = frozenset(sets.names)
    return Trained(steps, before, _values(model), trainable, read, frozenset(looked))


def counted_steps(subject: Subject) -> None:
    """It stops to be looked at, and says how many steps it has taken: more each time."""
    steps = first_training(subject).steps
    if not steps:
        raise Broken("it yields nothing: the model is never looked at")
    for one in steps:
        if isinstance(one, bool) or not isinstance(one, int | float) or not math.isfinite(one):
            raise Broken(f"it yields {one!r:.40}, expected the number of steps taken")
    if any(later <= earlier for earlier, later in pairwise(steps)):
        raise Broken(f"it yields {', '.join(map(str, steps))}, expected ascending steps")


def changed_model(subject: Subject) -> None:
    """What may change has changed, and holds numbers."""
    found = first_training(subject)
    if not any(_differs(found, name) for name in found.trainable):
        raise Broken("no parameter that may change has changed")
    for name, value in found.after.items():
        if not torch.isfinite(value).all():
            raise Broken(f"{name} holds values that are not finite")


def frozen_parameters(subject: Subject) -> None:
    """What may not change has not."""
    found = first_training(subject)
    for name in found.before.keys() - found.trainable:
        if _differs(found, name):
            raise Broken(f"it changed {name}, which requires no gradient")


def same_training(subject: Subject) -> None:
    """The same seed takes the same steps, bit for bit."""
    first, second = first_training(subject), trained(subject)
    if first.steps != second.steps or any(
        not torch.equal(value, second.after[name]) for name, value in first.after.items()
    ):
        raise Broken("it trained another model from the same seed")


def declared_reference(subject: Subject) -> None:
    """It looks at the reference that its spec asks for; without one it has none to look at."""
    if not first_training(subject).looked and subject.spec.reference:
        raise Broken("it never looks at the reference; the spec says reference=True")


def sets_read(subject: Subject) -> frozenset[str]:
    """The sets that the training read."""
    return first_training(subject).read


def _trains(subject: Subject) -> None:
    if not subject.spec.trains:
        raise NotApplicable("it edits matrices, and does not train")


def _differs(found: Trained, name: str) -> bool:
    return not torch.equal(found.before[name], found.after[name])


def _values(model: Any) -> dict[str, Tensor]:
    return {name: each.detach().clone() for name, each in model.named_parameters()}


def _examples(name: str) -> tuple[TokenizedExample, ...]:
    """Realign and refusal have the same prompts and other answers, as sets often do."""
    prompts = torch.Generator().manual_seed(len("harmful" if name == "refusal" else name))
    answers = torch.Generator().manual_seed(int.from_bytes(name.encode()[:6], "big"))
    return tuple(
        TokenizedExample(
            ids=(*_drawn(3, prompts), *_drawn(3 + number % 3, answers)),
            answer_start=3,
            key=f"{name}-{number}",
        )
        for number in range(EXAMPLES)
    )


def _drawn(count: int, draw: torch.Generator) -> tuple[int, ...]:
    return tuple(torch.randint(1, VOCABULARY, (count,), generator=draw).tolist())


def _reference(trainable: frozenset[str], looked: set[str]) -> TrainingReference:
    """Another model of the same shapes; what is asked of it is noted."""
    aligned = _model(seed=1).requires_grad_(False)

    def values(name: str) -> Tensor:
        if name not in trainable:
            raise KeyError(name)
        looked.add(name)
        found: Tensor = aligned.get_parameter(name).clone()
        return found

    @contextmanager
    def model() -> Iterator[Any]:
        looked.add("")
        yield aligned

    return TrainingReference(values, model)


def _model(seed: int = 0) -> Any:
    """A Llama of one block, in float32; its embedding may not change."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=32,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: Any = LlamaForCausalLM(config)
    model.eval()
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(FROZEN not in name)
    return model
