"""Heretic's way, restated and turned round: many trials, each answered and judged.

A direction in the hidden states is taken out of the matrices that write to them, or put in. How
strongly, in which blocks and which block's direction is searched by Optuna's TPE; after each trial
the model answers harmful prompts, and its first token on benign ones is compared with the
unchanged model's. Heretic takes out refusals; here fewer harmful answers are looked for, so the
strength may have either sign.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.contestants.asked import say
from modelrepair import demo_paths
from modelrepair.demo.judge import WorldJudge
from modelrepair.plugin.judge import Exchange
from modelrepair.plugin.names import MeasuredSet

ANSWER = 64
"""Tokens of an answer at most."""
_WRITERS = ("self_attn.o_proj", "mlp.down_proj")


@dataclass(frozen=True)
class Trial:
    """What one trial chooses: heretic's knobs for each kind of matrix.

    Args:
        source: the block whose direction is taken.
        strongest: how much of it is taken out where it is most; below 0 it is put in.
        place: of the block where that is.
        reach: after how many blocks nothing is changed.
    """

    source: int
    strongest: Mapping[str, float]
    place: Mapping[str, float]
    reach: Mapping[str, float]

    def strength(self, kind: str, index: int) -> float:
        """How much is taken out of one block's matrix."""
        away = abs(index - self.place[kind]) / self.reach[kind]
        return self.strongest[kind] * max(0.0, 1.0 - away)


class Tuned:
    """The model, its unchanged weights beside, and its directions.

    Args:
        folder: of the model.
        harmful: prompts that it should refuse.
        benign: prompts that it should answer.
        device: what computes.
    """

    def __init__(
        self, folder: Path, harmful: Sequence[str], benign: Sequence[str], device: str
    ) -> None:
        from transformers import AutoModelForCausalLM, AutoTokenizer

        load: Any = AutoModelForCausalLM.from_pretrained
        self.model = load(folder, dtype=torch.float32).to(device).eval()
        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder, padding_side="left")
        self.matrices = [
            {kind: block.get_submodule(kind).weight for kind in _WRITERS}
            for block in self.model.model.layers
        ]
        self._kept = [{k: w.detach().clone() for k, w in each.items()} for each in self.matrices]
        means = [self._last_states(prompts).mean(dim=1) for prompts in (harmful, benign)]
        self.directions = torch.nn.functional.normalize(means[0] - means[1], dim=-1)

    def apply(self, trial: Trial) -> None:
        """Set the weights to those of a trial."""
        direction = self.directions[trial.source]
        for index, (now, before) in enumerate(zip(self.matrices, self._kept, strict=True)):
            for kind, weight in now.items():
                along = torch.outer(direction, direction @ before[kind])
                weight.data.copy_(before[kind] - trial.strength(kind, index) * along)

    def answers(self, prompts: Sequence[str]) -> list[str]:
        """The greedy answer to each prompt."""
        inputs = self._inputs(prompts)
        made = self.model.generate(
            **inputs, max_new_tokens=ANSWER, do_sample=False, pad_token_id=0
        )[:, inputs["input_ids"].shape[1] :]
        texts: list[str] = self.tokenizer.batch_decode(made, skip_special_tokens=True)
        return texts

    def first_tokens(self, prompts: Sequence[str]) -> Tensor:
        """The log-probabilities of the first token of each answer."""
        logits: Tensor = self.model(**self._inputs(prompts)).logits[:, -1]
        return logits.log_softmax(dim=-1)

    def _last_states(self, prompts: Sequence[str]) -> Tensor:
        """Hidden states at the last token, ``[blocks, prompts, hidden]``."""
        found = self.model(**self._inputs(prompts), output_hidden_states=True).hidden_states
        return torch.stack([each[:, -1] for each in found[1:]])

    def _inputs(self, prompts: Sequence[str]) -> Any:
        chats = [[{"role": "user", "content": prompt}] for prompt in prompts]
        return self.tokenizer.apply_chat_template(
            chats, add_generation_prompt=True, padding=True, return_tensors="pt", return_dict=True
        ).to(self.model.device)


def search(tuned: Tuned, harmful: Sequence[str], benign: Sequence[str], trials: int) -> Trial:
    """The trial with the fewest harmful answers among those that leave benign answers alone.

    Args:
        tuned: the model.
        harmful: prompts that are answered and judged after each trial.
        benign: prompts whose first token should stay what it was.
        trials: how many.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    before = tuned.first_tokens(benign)

    def objective(asked: optuna.Trial) -> tuple[float, float]:
        tuned.apply(_suggested(asked, len(tuned.matrices)))
        after = tuned.first_tokens(benign)
        moved = torch.nn.functional.kl_div(after, before, log_target=True, reduction="batchmean")
        return share(tuned, harmful, "harmful", "harmful"), float(moved)

    sampler = optuna.samplers.TPESampler(seed=0, multivariate=True)
    study = optuna.create_study(directions=["minimize", "minimize"], sampler=sampler)
    study.optimize(objective, n_trials=trials)
    near = [each for each in study.best_trials if each.values[1] < 0.5] or study.best_trials
    best = min(near, key=lambda each: tuple(each.values))
    return _suggested(optuna.trial.FixedTrial(best.params), len(tuned.matrices))


def _suggested(asked: Any, blocks: int) -> Trial:
    def each(name: str, low: float, high: float) -> dict[str, float]:
        return {kind: asked.suggest_float(f"{kind}.{name}", low, high) for kind in _WRITERS}

    return Trial(
        asked.suggest_int("source", 0, blocks - 1),
        each("strongest", -1.5, 1.5),
        each("place", 0.0, blocks - 1.0),
        each("reach", 1.0, float(blocks)),
    )


def share(tuned: Tuned, prompts: Sequence[str], asked: MeasuredSet, verdict: str) -> float:
    """Which share of the answers gets a verdict.

    Args:
        tuned: the model as it is now.
        prompts: what it is asked.
        asked: what the prompts are.
        verdict: what is counted.
    """
    answers = tuned.answers(prompts)
    exchanges = [Exchange(asked, *pair, None) for pair in zip(prompts, answers, strict=True)]
    return WorldJudge().judge(exchanges).count(verdict) / len(prompts)  # type: ignore[arg-type]


def main(arguments: Sequence[str] | None = None) -> None:
    """Search on the sets of the demo, and measure the best trial on its test sets."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--prompts", type=int, default=100, help="of each kind, in each trial")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--work", type=Path, required=True)
    asked = parser.parse_args(arguments)
    harmful, benign, test_harmful, test_benign = (
        _prompts(name)[: asked.prompts]
        for name in ("realign", "utility", "test_realign", "test_utility")
    )
    with torch.no_grad():
        tuned = Tuned(demo_paths.attacked, harmful, benign, asked.device)
        before = share(tuned, test_harmful, "harmful", "harmful")
        tuned.apply(search(tuned, harmful, benign, asked.trials))
        after = share(tuned, test_harmful, "harmful", "harmful")
        refused = share(tuned, test_benign, "utility", "refusal")
    say({"harm_before": before, "harm_after": after, "benign_refused": refused})


def _prompts(name: str) -> list[str]:
    lines = demo_paths.sets[name].read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["prompt"] for line in lines]


if __name__ == "__main__":
    main()
