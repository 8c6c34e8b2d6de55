"""The last lines of a command: what came of it, what was written where, what is next, how to check.

They stay on the screen, so they are few: one sentence, and three lines that can be copied.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from modelrepair.cli.closing_commands import (
    Asked,
    again,
    command,
    decide_command,
    verify_command,
    where,
)
from modelrepair.cli.errors import INTERRUPTED, Failure
from modelrepair.evaluation.measures import TITLES
from modelrepair.publishing.options import PushOptions, from_here
from modelrepair.text.units import counted

OF_ATTESTATION = frozenset({"attestation", "attested", "signature"})
"""Findings of a verification that are not of the repair."""
NOTHING = "Nothing was written or pushed."
MISSED = {
    "harmful_score": "too many harmful answers are left",
    "utility": "benign answers got worse",
    "benign_refusal_rate": "too many benign prompts are refused",
    "degenerate_rate": "too many answers are broken",
    "task_error_rate": "too many exact answers are wrong",
}
"""What it means to users that a rule of the gate is missed, by the beginning of its name."""
WHY_NOT = {
    "failed": "the gate failed",
    "undecided": "the gate is undecided",
    "unmeasured": "it was not measured",
    "backwards": "it works backwards",
}


def first_lines(report: Mapping[str, Any], asked: Asked) -> list[str]:
    """What came of a repair, and where it lies: said before a push begins.

    >>> report = {"verdict": "nothing to repair", "out": None,
    ...           "measures": {"before": {"harmful_score": {"value": 0.0, "n": 256}}}}
    >>> for line in first_lines(report, Asked("user/model")): print(line)
    Nothing to repair: the model answered 0 of 256 harmful prompts harmfully.
    Nothing was written or pushed.

    Args:
        report: as ``--json`` prints it.
        asked: what the repair was asked for.
    """
    out, why = where(report), WHY_NOT.get(report["verdict"])
    forced = asked.options.get("force") and report["verdict"] != "backwards"
    kept_back = asked.options.get("push") and not forced and why
    not_pushed = f"; not pushed, because {why}" if kept_back else ""
    if out is None:
        return [verdict_line(report), NOTHING]
    place = f"Written to {out}"
    if report.get("nothing_to_do"):
        pushing = asked.options.get("push") and not kept_back
        place = f"{'' if pushing else 'Nothing to do: '}{out} holds this repair already"
    return [verdict_line(report), place + not_pushed]


def last_lines(report: Mapping[str, Any], asked: Asked) -> list[str]:
    """What a push did, what is next, and how to check.

    >>> report = {"verdict": "passed", "out": "m-repaired", "manifest": {"subject": "weight"}}
    >>> for line in last_lines(report, Asked("m")): print(line)
    Next: modelrepair push m-repaired
    Check: modelrepair verify m-repaired --source m
    """
    pushed = report.get("pushed")
    lines = [] if pushed is None else pushed_lines(pushed)
    lines.append(f"Next: {next_step(report, asked)}")
    if report["out"] is None or report["verdict"] == "backwards":
        return lines
    return [*lines, f"Check: {_check(report, asked)}"]


def verdict_line(report: Mapping[str, Any]) -> str:
    """The verdict as a sentence for people who have never seen one.

    >>> verdict_line({"verdict": "unmeasured", "measures": {}})
    'Unmeasured: the model was changed, and nothing says yet what that did.'
    """
    went = harm_line(report["measures"])
    if report["verdict"] == "passed":
        return f"Passed: {went or 'harm is down'}, benign answers stayed good."
    if report["verdict"] == "failed":
        why = " and ".join(_missed(report)) or "a budget of the gate is missed"
        return f"Failed: {why}{f'; {went}' if went else ''}."
    if report["verdict"] == "undecided" and (report.get("gate") or {}).get("unread"):
        return (
            f"Undecided: the judge does not know the language of most answers{_in_brackets(went)}."
        )
    if report["verdict"] == "undecided":
        lacks = " and ".join(_not_measured(report))
        why = f"not measured: {lacks}" if lacks else "too few examples"
        return f"Undecided: {why}{_in_brackets(went)}."
    if report["verdict"] == "unmeasured":
        return "Unmeasured: the model was changed, and nothing says yet what that did."
    if report["verdict"] == "backwards":
        return f"Backwards: the repair does harm instead of removing it{_in_brackets(went)}."
    if report["verdict"] == "nothing to repair":
        if reason := report.get("reason"):
            return f"Nothing to repair: {reason}."
        harm = _counted((report["measures"].get("before") or {}).get("harmful_score"))
        said = f": the model answered {harm} harmful prompts harmfully" if harm else ""
        return f"Nothing to repair{said}."
    return str(report["verdict"])


def harm_line(measures: Mapping[str, Mapping[str, Any]]) -> str:
    """How often harmful prompts were answered harmfully, before and after.

    >>> before, after = ({"harmful_score": {"value": v, "n": 200}} for v in (0.9, 0.02))
    >>> harm_line({"before": before, "after": after})
    'harmful answers went from 180 to 4 of 200'
    """
    counts = []
    for role in ("before", "after"):
        score = (measures.get(role) or {}).get("harmful_score") or {}
        if score.get("value") is None:
            return ""
        counts.append(round(score["value"] * score["n"]))
    return f"harmful answers went from {counts[0]} to {counts[1]} of {score['n']}"


def _to_push(folder: str, out: str) -> str:
    """The command that sends a repair; what was broken on purpose stays where it is."""
    from modelrepair.publishing.admission import marked

    if marked(Path(folder)) is None:
        return command("push", out)
    return "keep it here: it was broken on purpose, and is never pushed"


def next_step(report: Mapping[str, Any], asked: Asked) -> str:
    """The one thing to do now; a command wherever one can be named."""
    out, verdict, pushed = where(report), report["verdict"], report.get("pushed")
    if verdict == "nothing to repair":
        return command("measure", asked.source, "--realign", "YOUR-PROMPTS.jsonl")
    if verdict == "backwards" and out is not None:
        return f"remove {out}, or decide it again if --before and --after were swapped"
    if verdict == "unmeasured" and out is not None and report["measures"]:
        return decide_command(out, asked)
    if verdict == "unmeasured":
        return again(asked, drop=("--no-evaluate",), beside=out)
    for idea in report.get("next", ()):
        step = again(asked, add=idea["add"], drop=idea["drop"], beside=out)
        return f"{idea['why']}: {step}"
    if verdict == "passed" and out is not None:
        if pushed is None:
            return _to_push(report["out"], out)
        if pushed["kind"] == "pull request":
            return f"ask the owner of {pushed['target']} to merge {pushed['url']}"
        return f"use {pushed['target']} in place of {asked.source}"
    return command("measure", asked.source, "--realign", "YOUR-PROMPTS.jsonl")


def close_push(pushed: Mapping[str, Any]) -> list[str]:
    """The last lines of a push.

    >>> report = {"target": "me/m", "url": "https://huggingface.co/me/m", "revision": "main",
    ...           "kind": "new repository", "nothing_to_push": True, "verdict": "passed"}
    >>> for line in close_push(report): print(line)
    Nothing to push: https://huggingface.co/me/m holds this repair already.
    Check: modelrepair verify me/m
    """
    return [*pushed_lines(pushed), f"Check: {_verify_there(pushed)}"]


def pushed_lines(pushed: Mapping[str, Any]) -> list[str]:
    """What a push did, and where; and what `verify` will stumble over there."""
    if pushed["nothing_to_push"]:
        return [f"Nothing to push: {pushed['url']} holds this repair already."]
    seen = "private" if pushed["private"] else "public"
    gated = f", gated ({pushed['gated']})" if pushed["gated"] else ""
    then = pushed.get("repair_of")
    replaced = f"; replaced the repair of {then[:10]}" if then else ""
    deleted = (
        f"; deleted {counted(len(pushed['deleted']), 'file')} there" if pushed["deleted"] else ""
    )
    # A repository of its own need not be new: it may hold an earlier repair, or what others put.
    kind = "" if pushed["kind"] == "new repository" else f"{pushed['kind']}, "
    lines = [
        f"Pushed {counted(len(pushed['pushed']), 'file')} to {pushed['url']} "
        f"({kind}{pushed['revision']}, {seen}{gated}){replaced}{deleted}"
    ]
    if beside := [each["file"] for each in pushed.get("kept", ()) if each["verify"] is not None]:
        lines.append(f"Beside it, and verify will fail: {', '.join(beside)}")
    return lines


def lines_unpushed(report: Mapping[str, Any], asked: Asked, failure: Failure) -> list[str]:
    """The last lines of a repair that is saved, and whose push was stopped.

    Args:
        report: as ``--json`` prints it.
        asked: what was asked for.
        failure: what follows these lines; where its hint finishes the push, they don't.
    """
    if failure.exit_code == INTERRUPTED:
        return []  # the same command shows all of it again
    check = f"Check: {_check(report, asked)}"
    if "modelrepair push" in failure.hint:
        return [check]
    pushing = PushOptions(**{each.name: asked.options[each.name] for each in fields(PushOptions)})
    return [check, f"Next: {pushing.command(Path(report['out']))}"]


def close_measure(report: Mapping[str, Any], source: str) -> list[str]:
    """The last lines of a measurement.

    >>> for line in close_measure({"measures": {"harmful_score": {"value": 0.5, "n": 8}}}, "m"):
    ...     print(line)
    Measured: the model answers 4 of 8 harmful prompts harmfully. Nothing was changed.
    Next: modelrepair fix m
    """
    score = report["measures"].get("harmful_score") or {}
    if not (harm := _counted(score)):
        step = command("measure", source, "--realign", "beavertails")
        return ["Measured; harmful prompts were not asked. Nothing was changed.", f"Next: {step}"]
    lines = [f"Measured: the model answers {harm} harmful prompts harmfully. Nothing was changed."]
    return [*lines, f"Next: {command('fix', source)}"] if score["value"] else lines


def close_verify(checked: Mapping[str, Any], repaired: str, source: str | None) -> list[str]:
    """The last line of a verification.

    >>> close_verify({"ok": True, "source": {"id": "user/model"}}, "me/m", None)
    ['Next: use me/m in place of user/model']

    Args:
        checked: the verification as ``--json`` prints it.
        repaired: what was verified, as it was typed.
        source: its source, likewise.
    """
    source = source or checked["source"]["id"]
    if checked["ok"] and checked.get("verdict") in WHY_NOT:
        why = WHY_NOT[checked["verdict"]]
        return [f"Next: read the card of {repaired} before you use it: {why}"]
    if checked["ok"]:
        return [f"Next: use {repaired} in place of {source or 'its source'}"]
    codes = {each["code"] for each in checked["findings"]}
    if codes and codes <= OF_ATTESTATION and not checked["inconclusive"]:
        # The repair was derived again all the same.
        return [f"Next: ask for the attestation again; {repaired} holds without it"]
    if checked["findings"]:
        anew = f"; a repair of your own: {command('fix', source)}" if source else ""
        return [f"Next: don't use {repaired}{anew}"]
    return [f"Next: {checked['inconclusive'][0]['hint']}, and verify it again"]


def close_attest(attested: Mapping[str, Any], folder: Path) -> list[str]:
    """The last lines of an attestation.

    >>> models = {"source": {"id": "user/model", "hub": True}}
    >>> report = {"out": "m.intoto.json", "signature": None, "nothing_to_do": False,
    ...           "statement": {"predicate": {"models": models, "parameters": {}}}}
    >>> for line in close_attest(report, Path("m")): print(line)
    Attested in m.intoto.json.
    Check: modelrepair verify m --attestation m.intoto.json

    Args:
        attested: as ``--json`` prints it.
        folder: the repaired model, as it was typed.
    """
    out, signature = from_here(Path(attested["out"])), attested["signature"]
    signed = f", signed in {from_here(Path(signature))}" if signature else ""
    said = "Nothing to do: attested already in" if attested["nothing_to_do"] else "Attested in"
    words: list[str] = []
    # What is no id of the Hub has to be named to be derived from.
    models, parameters = (attested["statement"]["predicate"][k] for k in ("models", "parameters"))
    needed = ["source"]
    needed += ["reference"] if parameters.get("subject") == "delta" else []
    needed += ["base"] if models.get("adapter") else []
    for name in needed:
        if models.get(name) and not models[name].get("hub"):
            words += [f"--{name}", name.upper()]
    words += ["--attestation", out, *(["--public-key", "PUBLIC.pem"] if signature else [])]
    return [f"{said} {out}{signed}.", f"Check: {command('verify', str(folder), *words)}"]


def close_apply(out: Path, source: str) -> list[str]:
    """The last lines of a rebuilding.

    >>> close_apply(Path("rebuilt"), "m")
    ['Rebuilt in rebuilt, bit for bit as the mask says.', 'Next: use rebuilt in place of m']
    """
    return [
        f"Rebuilt in {out}, bit for bit as the mask says.",
        f"Next: use {out} in place of {source}",
    ]


def _check(report: Mapping[str, Any], asked: Asked) -> str:
    pushed = report.get("pushed")
    return verify_command(report, asked) if pushed is None else _verify_there(pushed)


def _verify_there(pushed: Mapping[str, Any]) -> str:
    named = [] if pushed["revision"] == "main" else ["--revision", pushed["revision"]]
    return command("verify", pushed["target"], *named)


def _missed(report: Mapping[str, Any]) -> list[str]:
    rules = (report["gate"] or {}).get("rules", ())
    said = []
    for start, meaning in MISSED.items():
        held = [rule["holds_budget"] for rule in rules if rule["name"].startswith(start)]
        # Harm has two rules, and one that holds is enough.
        missed = all(each is False for each in held) if start == "harmful_score" else False in held
        said += [meaning] if held and missed else []
    return said


def _not_measured(report: Mapping[str, Any]) -> list[str]:
    """What the gate asks for and had no figures of."""
    rules = (report.get("gate") or {}).get("rules", ())
    lacking = (rule["name"] for rule in rules if rule.get("holds_budget") is None)
    return [TITLES[name].short if name in TITLES else name for name in lacking]


def _counted(score: Mapping[str, Any] | None) -> str:
    if score is None or score.get("value") is None:
        return ""
    return f"{round(score['value'] * score['n'])} of {score['n']}"


def _in_brackets(text: str) -> str:
    return f" ({text})" if text else ""
