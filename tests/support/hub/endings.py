"""The page "What a repair looks like": the one line with each of its endings, as it prints them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from modelrepair.demo import paths
from tests.support.hub.client import ROOT
from tests.support.hub.line import CARD, LINE, TARGET, WORLD, Ended, User, fill, transcript, user_of
from tests.support.hub.repaired import files_of
from tests.support.hub.server import serve
from tests.support.hub.state import Account, Hub
from tests.support.model_kinds import HEADERS

PAGE = ROOT / "docs" / "what-a-repair-looks-like.md"
WHOLE = (*LINE, *WORLD)
FIXED = ("--scorer", "contrast", "--step", "0.005", "--ratio")
"""One scorer up to one share: no search, and the repair takes seconds."""
ENOUGH, LITTLE = "0.045", "0.015"


@dataclass(frozen=True)
class Scene:
    """One ending.

    Args:
        title: of its section.
        text: what the section says before its transcripts.
        play: fills a Hub and types the commands.
        codes: the exit codes of these.
        slow: whether it takes more than ten seconds.
    """

    title: str
    text: str
    play: Callable[[User], None]
    codes: Sequence[int]
    slow: bool = False


def whole(user: User) -> None:
    fill(user.hub)
    user.types(*WHOLE)
    user.types(*WHOLE)
    user.types("verify", TARGET)


def unfinished_push(user: User) -> None:
    fill(user.hub)
    user.hub.fail("POST", "/commit/", 500, message="Internal error", times=1)
    user.types(*WHOLE, *FIXED, ENOUGH)
    user.types("push", TARGET.partition("/")[2])


def nothing_to_repair(user: User) -> None:
    fill(user.hub)
    files = files_of(paths.reference)
    user.hub.add("user/model", {**files, "README.md": CARD.replace(b"base_model", b"tags")})
    user.types(*WHOLE)


def undecided(user: User) -> None:
    fill(user.hub, count=60)
    user.types(*WHOLE, *FIXED, ENOUGH)


def failed(user: User) -> None:
    fill(user.hub)
    user.types(*WHOLE, *FIXED, LITTLE)


def refused_of_a_name(user: User) -> None:
    fill(user.hub)
    user.types("fix", "user/modle", "--push")


def refused_of_rights(user: User) -> None:
    fill(user.hub)
    user.hub.accounts[user.environment["HF_TOKEN"]] = Account("me", "read")
    user.types(*LINE)


def refused_of_conditions(user: User) -> None:
    fill(user.hub)
    user.hub.repos["user/model"].gated = "auto"
    user.types(*LINE)


def refused_of_kind(user: User) -> None:
    fill(user.hub)
    (gptq,) = [made for made in HEADERS if made.what == "gptq"]
    user.hub.add("user/model", dict(gptq.files))
    user.types(*LINE)


def gated_reference(user: User) -> None:
    fill(user.hub)
    user.hub.repos["org/aligned"].gated = "auto"
    user.types("plan", "user/model", "--push")


def interrupted(user: User) -> None:
    fill(user.hub)
    user.types(*WHOLE, stop=("source: answers", 1))


SCENES = {
    "passed": Scene(
        "A repair that passes",
        "Nothing but the line, and what the made-up world of this page needs: a judge and harmless "
        "prompts in its own language. Before a byte of weights is fetched, the first lines say "
        "whether it will run, on what, with which examples, where the result goes, and how long it "
        "may take. Then there is one line for each download and step. The last lines stay on the "
        "screen: what came of it, what was written and pushed, what is next, and how to check. The "
        "same line again finds that all is done, and what was pushed can be checked by anyone.",
        whole,
        (0, 0, 0),
        slow=True,
    ),
    "push": Scene(
        "A push that fails, and is finished",
        "The repair is written before it is pushed, so a push that fails takes nothing away: the "
        "table and the verdict are there, and the hint names the command that finishes it.",
        unfinished_push,
        (3, 0),
        slow=True,
    ),
    "nothing": Scene(
        "Nothing to repair",
        "A model that already refuses is left as it is.",
        nothing_to_repair,
        (0,),
        slow=True,
    ),
    "undecided": Scene(
        "Undecided",
        "The repair works as far as was measured, and too few examples were asked to be sure. What "
        "would decide is named.",
        undecided,
        (1,),
        slow=True,
    ),
    "failed": Scene(
        "Failed",
        "A budget of the gate is missed: here a share of the weights is named that is far too "
        "small. The result is written so that it can be looked at, and is not pushed.",
        failed,
        (1,),
        slow=True,
    ),
    "name": Scene(
        "Refused: no such model", "The nearest name is given.", refused_of_a_name, (3,)
    ),
    "rights": Scene(
        "Refused: a token that may not write",
        "Rights are asked for first, not after the repair.",
        refused_of_rights,
        (3,),
    ),
    "conditions": Scene(
        "Refused: conditions that were not accepted",
        "A gated model is named with its address.",
        refused_of_conditions,
        (3,),
    ),
    "kind": Scene(
        "Refused: a kind of model that can't be repaired",
        "Quantised weights can't be repaired; the model that they were made from can. "
        "[Other kinds](architectures.md) are refused likewise, each with the way on.",
        refused_of_kind,
        (6,),
    ),
    "reference": Scene(
        "An aligned model that is gated",
        "`plan` prints the first lines and stops there. The model that the card names is gated: "
        "the line says so, with the address where its conditions are accepted, and a repair "
        "continues without it.",
        gated_reference,
        (0,),
    ),
    "interrupted": Scene(
        "Interrupted",
        "Ctrl-C at any step keeps what was done: the same command resumes there, and ends in "
        "the same bytes as a run that was not disturbed.",
        interrupted,
        (130,),
        slow=True,
    ),
}  # fmt: skip


def played(scene: Scene, hub: Hub, folder: Path) -> list[Ended]:
    """The commands of a scene, typed before this Hub."""
    user = user_of(hub, folder)
    scene.play(user)
    return user.ended


def shown(ended: Sequence[Ended], hub: Hub) -> Iterator[str]:
    """Their transcripts as the page has them."""
    for each in ended:
        yield f"```console\n{transcript(each, hub)}\n```\n\nExit code {each.code}."


def page(sections: dict[str, list[str]]) -> str:
    """The page.

    Args:
        sections: by scene, its transcripts.
    """
    parts = [
        "<!-- Written by `python -m tests.support.hub.endings`, which runs every "
        "command of this page. -->",
        "# What a repair looks like",
        "This is what `modelrepair fix user/model --push` prints, from its first line to its last, "
        "whatever comes of it. Each command on this page was run before a Hub of the tests, with "
        "the tiny broken model of the [demo](demo.md), off a terminal and 80 columns wide; on a "
        "terminal, bars show what is being done of what ([events](events.md)). A line in square "
        "brackets stands for lines that are left out here. What the [exit codes](exit-codes.md) "
        "mean, and what [each error](errors.md) means, is on pages of its own.",
    ]
    for name, scene in SCENES.items():
        parts += [f"## {scene.title}", scene.text, *sections[name]]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    sections = {}
    for name, scene in SCENES.items():
        with tempfile.TemporaryDirectory() as folder, serve() as hub:
            ended = played(scene, hub, Path(folder) / "here")
            print(name, *(f"{each.code} in {each.seconds:.1f} s" for each in ended), flush=True)
            sections[name] = list(shown(ended, hub))
    PAGE.write_text(page(sections), encoding="utf-8")
