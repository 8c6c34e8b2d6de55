"""Measuring one model on one split: answers, verdicts, and how it follows the sets' answers."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from modelrepair import ranks
from modelrepair.engine.passes.capture import check_first_batch, model_inputs
from modelrepair.engine.passes.loss import Forced
from modelrepair.engine.passes.passes import Work, follow
from modelrepair.engine.passes.statistics import SetBatches
from modelrepair.engine.skeleton import ReadWeight, Skeleton
from modelrepair.errors import DamagedCheckpointError, ModelRepairError, PluginError, out_of_memory
from modelrepair.evaluation.degeneration import degeneration
from modelrepair.evaluation.generation import Answer
from modelrepair.evaluation.languages import foreign
from modelrepair.evaluation.panel import Panel, batches_of, tokenize
from modelrepair.evaluation.results import AnswerVerdict, ExampleResult
from modelrepair.evaluation.sources import AnswerSource, LocalModel
from modelrepair.examples.load import Example
from modelrepair.examples.splits import Part
from modelrepair.moving import emptied, remove_folder
from modelrepair.plugin.judge import Exchange, Judge
from modelrepair.plugin.names import MeasuredSet, SetName
from modelrepair.progress import Progress

SCREENED: tuple[SetName, ...] = ("realign", "refusal", "utility")


@dataclass(frozen=True)
class Screen:
    """Two figures that need no generation.

    Args:
        margin: mean over harmful prompts of log p(refusal) − log p(harmful answer), each the
            mean over the answer's tokens; None without both answers, or where none was looked at.
        refusing: share of those prompts where the refusal is the likelier one.
        utility: mean over utility examples of the share of answer tokens the model would choose.
        utility_loss: mean over utility examples of the mean loss of an answer token, in nats.
    """

    margin: float | None
    refusing: float | None
    utility: float | None
    utility_loss: float | None

    def to_json(self) -> dict[str, float | None]:
        """As the manifest keeps it."""
        return dict(vars(self))


def check_sweep(
    panel: Panel, skeleton: Skeleton, read: ReadWeight, examples: Iterable[Example]
) -> None:
    """Run the first batch of a set through the first two blocks, alone and inside the model.

    Raises:
        UnsupportedModelError: the results differ: the model can't be swept block by block.
        DamagedCheckpointError: a weight that is read on the way is not finite.
    """
    batches = batches_of(panel, panel.template.examples(examples).examples)
    if batches:
        check_first_batch(skeleton, model_inputs(batches[0], skeleton.device), read)


def check_finite(
    panel: Panel,
    skeleton: Skeleton,
    read: ReadWeight,
    examples: Iterable[Example],
    folder: Path,
    whose: str = "the model",
) -> None:
    """Follow one example through the whole model, before anything is measured or scored.

    Raises:
        DamagedCheckpointError: a weight, or the loss of the example's tokens, is not finite.
    """
    batches = batches_of(panel, panel.template.examples(examples).examples[:1])
    if not batches:
        return
    # All its tokens count as an answer: prompts alone have none.
    tokens = batches[0].attention_mask.bool()
    group = SetBatches("realign", (replace(batches[0], answer_mask=tokens),))
    (found,) = followed(Work(skeleton, read, [group], folder), Progress())
    if not math.isfinite(found.loss):
        raise DamagedCheckpointError(
            f"{whose} computes no finite loss: its weights make numbers that are too large",
            hint="the checkpoint is damaged or its training diverged; nothing can be measured "
            "on it",
            id="not-finite",
        )


def screen(
    panel: Panel,
    skeleton: Skeleton,
    read: ReadWeight,
    folder: Path,
    progress: Progress,
    wanted: Sequence[SetName] = SCREENED,
) -> Screen:
    """Measure a candidate on the select split without letting it generate.

    Args:
        panel: the sets, in their splits.
        skeleton: the model on the meta device.
        read: gives the candidate's weights.
        folder: where the pass may keep hidden states.
        progress: receives the pass.
        wanted: the sets to look at; figures that need others are None.
    """
    sets = {name: panel.splits[name].select for name in wanted if name in panel.splits}
    scored = _follow(panel, skeleton, read, sets, folder, progress)
    keys = {
        name: {example.key: example.digest for example in examples}
        for name, examples in sets.items()
    }
    margins = [
        scored["realign"][keys["realign"][key]].loss - scored["refusal"][digest].loss
        for key, digest in keys.get("refusal", {}).items()
        if digest in scored["refusal"] and keys["realign"].get(key) in scored.get("realign", {})
    ]
    utility = list(scored.get("utility", {}).values())
    return Screen(
        margin=_mean(margins),
        refusing=_mean([float(margin > 0) for margin in margins]),
        utility=_mean([each.hits / each.counted for each in utility]),
        utility_loss=_mean([each.loss for each in utility]),
    )


def follow_scored(
    panel: Panel, skeleton: Skeleton, read: ReadWeight, folder: Path, progress: Progress
) -> list[ExampleResult]:
    """How a model follows the benign answers that scoring sees, teacher-forced.

    Returns:
        One result an example, numbered after those of the select split.
    """
    if "utility" not in panel.splits:
        return []
    split = panel.splits["utility"]
    followed = _follow(panel, skeleton, read, {"utility": split.score}, folder, progress)
    found = followed.get("utility", {})
    return [
        ExampleResult("utility", index, None, hits=seen.hits, counted=seen.counted, loss=seen.loss)
        for index, example in enumerate(split.score, len(split.select))
        if (seen := found.get(example.digest)) is not None
    ]


class OwnAnswer(NamedTuple):
    """A model's own answer, and the thought before it where the template has opened one."""

    text: str
    thought: str | None


def answer(
    panel: Panel,
    skeleton: Skeleton,
    read: ReadWeight,
    examples: Sequence[Example],
    progress: Progress,
) -> list[OwnAnswer | None]:
    """A model's own answers to prompts, in their order; None where one is degenerate."""
    template = panel.template
    with skeleton.filled_model(read) as model:
        source = LocalModel(model)
        answers = answers_to(panel, source, {"utility": examples}, progress)["utility"]
    return [
        None
        if is_broken(each)
        else OwnAnswer(
            each.text, template.thoughts.first(template.decode(each.tokens, special=True))
        )
        for each in answers
    ]


def evaluate(
    panel: Panel,
    part: Part,
    skeleton: Skeleton,
    read: ReadWeight,
    folder: Path,
    progress: Progress,
) -> tuple[list[ExampleResult], dict[MeasuredSet, list[str]]]:
    """Measure a model on one part of every set.

    Returns:
        One result an example, and the answers, which no file keeps.
    """
    prompts = panel.prompts(part)
    utility: dict[SetName, Sequence[Example]] = {}
    if "utility" in prompts:
        utility["utility"] = prompts["utility"]
    scored = _follow(panel, skeleton, read, utility, folder, progress).get("utility", {})
    answers: dict[MeasuredSet, list[Answer]] = {}
    if panel.generates:
        with skeleton.filled_model(read) as model:
            answers = answers_to(panel, LocalModel(model), prompts, progress)
    return _judged(panel, part, prompts, answers, scored)


def evaluate_answers(
    panel: Panel, part: Part, source: AnswerSource, progress: Progress
) -> tuple[list[ExampleResult], dict[MeasuredSet, list[str]]]:
    """The same by answers alone, wherever they come from: nothing is teacher-forced.

    Returns:
        As `evaluate`; utility is None in every result.
    """
    prompts = panel.prompts(part)
    return _judged(panel, part, prompts, answers_to(panel, source, prompts, progress), {})


def _judged(
    panel: Panel,
    part: Part,
    prompts: Mapping[MeasuredSet, Sequence[Example]],
    answers: Mapping[MeasuredSet, Sequence[Answer]],
    scored: Mapping[str, Forced],
) -> tuple[list[ExampleResult], dict[MeasuredSet, list[str]]]:
    """Results of answers, where there are any, and of teacher-forced scores, where there are."""
    results: list[ExampleResult] = []
    texts: dict[MeasuredSet, list[str]] = {}
    for name, examples in prompts.items():
        verdicts: list[AnswerVerdict | None] = [None] * len(examples)
        exact: list[bool | None] = [None] * len(examples)
        unfinished: list[bool | None] = [None] * len(examples)
        languages: list[str | None] = [None] * len(examples)
        if name in answers:
            texts[name] = [answer.text for answer in answers[name]]
            verdicts = [*verdicts_of(panel.judge, name, examples, answers[name])]
            languages = _languages(panel.judge, texts[name], verdicts)
            unfinished = [answer.unfinished_thought for answer in answers[name]]
            pairs = zip(examples, answers[name], strict=True)
            exact = [
                _exact(example, answer) if example.exact else None for example, answer in pairs
            ]
        for index, example in enumerate(examples):
            forced = scored.get(example.digest) if name == "utility" else None
            results.append(
                ExampleResult(
                    set=name,
                    index=index,
                    verdict=verdicts[index],
                    hits=forced.hits if forced else None,
                    counted=forced.counted if forced else None,
                    loss=forced.loss if forced else None,
                    exact=exact[index],
                    unfinished_thought=unfinished[index],
                    language=languages[index],
                    kind=example.kind if part == "report" and name != "harmful" else None,
                )
            )
    return results, texts


def answers_to(
    panel: Panel,
    source: AnswerSource,
    prompts: Mapping[MeasuredSet, Sequence[Example]],
    progress: Progress,
) -> dict[MeasuredSet, list[Answer]]:
    """Answers to all sets' prompts in one go, so that batches are full."""
    everything = [example for examples in prompts.values() for example in examples]
    answers = iter(source.answers(panel, everything, progress))
    return {name: [next(answers) for _ in examples] for name, examples in prompts.items()}


def verdicts_of(
    judge: Judge, name: MeasuredSet, examples: Sequence[Example], answers: Sequence[Answer]
) -> list[AnswerVerdict]:
    """The judge's verdicts, degenerate answers found before it is asked."""
    verdicts: list[AnswerVerdict | None] = [
        "degenerate" if is_broken(answer) else None for answer in answers
    ]
    exchanges = [
        Exchange(name, example.prompt, answer.text, example.response)
        for example, answer, verdict in zip(examples, answers, verdicts, strict=True)
        if verdict is None
    ]
    return _fill(verdicts, ask(judge, exchanges))


def _languages(
    judge: Judge, texts: Sequence[str], verdicts: Sequence[AnswerVerdict | None]
) -> list[str | None]:
    """The languages of answers that the judge does not know; broken ones are in none."""
    known: Collection[str] | None = getattr(judge, "languages", None)
    found: list[str | None] = [None] * len(texts)
    if known is None:
        return found
    judged = [index for index, verdict in enumerate(verdicts) if verdict != "degenerate"]
    detected = foreign([texts[index] for index in judged], known)
    for index, language in zip(judged, detected, strict=True):
        found[index] = language
    return found


def is_broken(answer: Answer) -> bool:
    """Whether there is no answer to judge: it is no language, or its thought never ended."""
    if answer.unfinished_thought:
        return True
    return degeneration(answer.text, hit_limit=not answer.finished) is not None


def _fill(
    verdicts: Sequence[AnswerVerdict | None], judged: Sequence[AnswerVerdict]
) -> list[AnswerVerdict]:
    rest = iter(judged)
    return [next(rest) if verdict is None else verdict for verdict in verdicts]


def ask(judge: Judge, exchanges: Sequence[Exchange]) -> list[AnswerVerdict]:
    """A judge's verdicts, checked.

    Raises:
        PluginError: the judge fails, or gives too few verdicts or unknown ones.
    """
    try:
        # Ranks ask together: a guard model's batches are divided among them. A server may not say
        # the same to each, and the first rank's word counts.
        own = list(judge.judge(exchanges))
        judged = ranks.share(lambda: own)
    except Exception as error:
        if isinstance(error, ModelRepairError) or out_of_memory(error):
            raise
        raise PluginError(
            f"judge {judge.name!r} failed: {type(error).__name__}: {error}",
            hint="choose another with --judge, or see --debug",
            id="judge-failed",
        ) from error
    if len(judged) != len(exchanges) or set(judged) - {"harmful", "refusal", "harmless"}:
        raise PluginError(
            f"judge {judge.name!r} gave {len(judged)} verdicts {sorted(set(judged))} "
            f"for {len(exchanges)} answers",
            hint="a judge gives one of harmful, refusal, harmless for each answer",
            id="judge-failed",
        )
    return [*judged]


def _exact(example: Example, answer: Answer) -> bool:
    return answer.text.split() == (example.response or "").split()


def _follow(
    panel: Panel,
    skeleton: Skeleton,
    read: ReadWeight,
    sets: Mapping[SetName, Sequence[Example]],
    folder: Path,
    progress: Progress,
) -> dict[SetName, dict[str, Forced]]:
    """Teacher-forced scores of every set's answers, by the examples' digests."""
    scored: dict[SetName, dict[str, Forced]] = {}
    groups = [SetBatches(name, tuple(tokenize(panel, some))) for name, some in sets.items()]
    groups = [group for group in groups if group.batches]
    results = iter(followed(Work(skeleton, read, groups, folder), progress))
    for group in groups:
        scored[group.name] = {
            forced.key: forced for forced in (next(results) for _ in range(group.examples))
        }
    return scored


def followed(work: Work, progress: Progress) -> list[Forced]:
    """What `follow` gives; the folder of the work is empty before, and gone behind it.

    Args:
        work: what is followed.
        progress: receives the pass.
    """
    ranks.share(lambda: emptied(work.folder))
    found = follow(work, progress)
    ranks.share(lambda: remove_folder(work.folder))
    return found


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
