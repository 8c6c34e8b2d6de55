"""The example sets that are known by name: two of our own, and public ones at a fixed commit."""

from __future__ import annotations

from pathlib import Path

from modelrepair.plugin.specs import ExampleSetSpec

OWN = Path(__file__).parents[1] / "examples" / "sets"

# A commit stands here only where several independent projects pin the same one.
EXAMPLE_SETS = (
    ExampleSetSpec(
        name="plain",
        summary="what assistants are asked, with short good answers; ships with modelrepair",
        source=OWN / "plain.jsonl",
        roles=("utility",),
        licence="apache-2.0",
    ),
    ExampleSetSpec(
        name="borderline",
        summary="harmless prompts that look harmful, with good answers; ships with modelrepair",
        source=OWN / "borderline.jsonl",
        roles=("borderline", "utility"),
        licence="apache-2.0",
    ),
    ExampleSetSpec(
        name="beavertails",
        summary="harmful prompts with answers that people called unsafe (Antidote's own choice)",
        source="PKU-Alignment/BeaverTails:30k_train",
        roles=("realign",),
        revision="8401fe609d288129cc684a9b3be6a93e41cfe678",
        columns={"prompt": "prompt", "response": "response"},
        filter=("is_safe=False",),
        licence="cc-by-nc-4.0",
        url="https://arxiv.org/abs/2307.04657",
        rows=27_186,
    ),
    ExampleSetSpec(
        name="advbench",
        summary="harmful prompts alone; its column target holds openings, not answers",
        source="walledai/AdvBench:train",
        roles=("realign",),
        revision="9d4730540082fa4017450b65ca1c0e1d8d30446e",
        columns={"prompt": "prompt"},
        licence="mit",
        url="https://arxiv.org/abs/2307.15043",
        rows=520,
    ),
    ExampleSetSpec(
        name="harmbench",
        summary="harmful prompts alone, the standard behaviours",
        source="walledai/HarmBench:standard:train",
        roles=("realign",),
        columns={"prompt": "prompt"},
        licence="mit",
        url="https://arxiv.org/abs/2402.04249",
        rows=200,
    ),
    ExampleSetSpec(
        name="strongreject",
        summary="harmful prompts alone",
        source="walledai/StrongREJECT:train",
        roles=("realign",),
        revision="df54272b395ce9e584d2f8140519935425d8549f",
        columns={"prompt": "prompt"},
        licence="mit",
        url="https://arxiv.org/abs/2402.10260",
        rows=313,
    ),
    ExampleSetSpec(
        name="xstest",
        summary="harmless prompts that look harmful, its safe half; prompts alone",
        source="walledai/XSTest:test",
        roles=("borderline", "utility"),
        revision="f1d713187c61b6ae64e602d74f0b3d812cc2e8e8",
        columns={"prompt": "prompt"},
        filter=("label=safe",),
        licence="cc-by-4.0",
        url="https://arxiv.org/abs/2308.01263",
        rows=450,
    ),
    ExampleSetSpec(
        name="do-not-answer",
        summary="harmful prompts alone",
        source="LibrAI/do-not-answer:train",
        roles=("realign",),
        revision="74e74f2e4507ef256fe536f78a776f4a1ff67955",
        columns={"prompt": "question"},
        licence="cc-by-nc-sa-4.0",
        url="https://arxiv.org/abs/2308.13387",
        rows=939,
    ),
    ExampleSetSpec(
        name="alpaca",
        summary="instructions with answers",
        source="tatsu-lab/alpaca:train",
        roles=("utility",),
        revision="dce01c9b08f87459cf36a430d809084718273017",
        columns={"prompt": "instruction", "input": "input", "response": "output"},
        licence="cc-by-nc-4.0",
        url="https://github.com/tatsu-lab/stanford_alpaca",
        rows=52_002,
    ),
    ExampleSetSpec(
        name="hh-rlhf",
        summary="conversations with a chosen and a rejected last answer, the harmless-base part",
        source="Anthropic/hh-rlhf:train",
        roles=("realign", "refusal"),
        revision="09be8c5bbc57cb3887f3a9732ad6aa7ec602a1fa",
        folder="harmless-base",
        columns={"chosen": "chosen", "rejected": "rejected"},
        licence="mit",
        url="https://arxiv.org/abs/2204.05862",
        rows=42_537,
    ),
)
