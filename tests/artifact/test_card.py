"""The card says what the manifest says, and no text of others is markup in it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from huggingface_hub import ModelCard

from modelrepair import verify
from modelrepair.artifact.card import BEGIN, END, kept_metadata, own_text, render_card
from modelrepair.artifact.digests import digest
from modelrepair.artifact.records import ExampleSetRecord, JudgeRecord, Origin
from tests.support.hub.cards import errors
from tests.support.small_repairs import COMMIT, MEASURED, OLD_CARD, draft, make_repair, results


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_repair(tmp_path_factory.mktemp("card"), subject="delta")


@pytest.fixture(scope="module")
def card(made):
    return (made.out / "README.md").read_text()


def first_line(card: str) -> str:
    return card.partition(BEGIN)[2].strip().splitlines()[0]


def test_front_matter(card):
    data = ModelCard(card).data.to_dict()
    (index,) = data.pop("model-index")
    assert index["name"] == "model-repaired"
    metrics = {m["type"]: m["value"] for r in index["results"] for m in r["metrics"]}
    assert metrics["harmful_score"] == pytest.approx(4 / 300, abs=1e-6)
    assert {r["dataset"]["type"] for r in index["results"]} == {"org/harmful"}
    assert "theirs" not in str(index)
    assert data == {
        "base_model": "user/model",
        "base_model_relation": "finetune",
        "datasets": ["org/data"],
        "extra_gated_prompt": "Say please.",
        "language": ["en", "de"],
        "library_name": "transformers",
        "license": "llama2",
        "license_link": "LICENSE",
        "license_name": "mine",
        "pipeline_tag": "text-generation",
        "tags": ["modelrepair", "scorer:wanda"],
    }


def test_the_hub_takes_the_front_matter(card, made):
    assert errors(card) == []
    assert errors(render_card(draft(measured={}), OLD_CARD, target="me/mine")) == []
    unnamed = render_card(draft(), None, target="me/mine")
    assert errors(unnamed) == []
    assert ModelCard(unnamed).data.model_name == "mine"


def test_sets_are_told_with_their_commit_and_licence():
    sets = {
        "realign": ExampleSetRecord(
            id="org/harmful:train", commit=COMMIT, licence="cc-by-nc-4.0", counts={"score": 8},
            digest="d" * 64,
        ),
        "utility": ExampleSetRecord(id="mine.jsonl", counts={"score": 9}, digest="e" * 64),
    }  # fmt: skip
    card = render_card(draft(sets=sets), None)
    assert f"| realign | org/harmful:train | {COMMIT} | cc-by-nc-4.0 | score 8 |" in card
    assert "| utility | mine.jsonl | – | – | score 9 |" in card


def test_a_local_source_is_no_base_model():
    card = render_card(draft(source=Origin(id="mine")), None)
    assert "base_model" not in card
    assert "the local model 'mine'" in card
    assert "'mine', which is on no hub" in card
    assert ModelCard(card).data.library_name == "transformers"


def test_an_adapter_is_of_peft():
    card = render_card(draft("factor", 0.75), "no front matter")
    assert ModelCard(card).data.library_name == "peft"
    assert "entries of the adapter's factors multiplied by 0.75" in card


def test_the_body_tells_what_was_done(card, made):
    for text in (
        f"[user/model](https://huggingface.co/user/model) at commit `{COMMIT}`",
        "entries set back to the reference's own values",
        "66.7 % (61.2 to 71.8; n = 300)",
        "(keyword rate)",
        "| harmful_score against the source |",
        "| lm_head.weight | not in a block |",
        "| q_proj | 12 of 96 | 12.5 % |",
        "**chosen** margin 0.5",
        f"hf download user/model --revision {COMMIT} --local-dir source",
        "modelrepair verify repaired --source source --reference reference",
        "score 8, report 300",
        f"sha256 `{digest(made.manifest)}`",
        "repair/layers.svg",
        "- targets: *.q_proj.*, *.v_proj.*",
        "- budgets: harm_ratio 0.28, ",
        "Further fine-tuning can undo the repair",
    ):
        assert text in card, text
    assert first_line(card) == "# user/model, repaired"
    assert "- step" not in card


def test_it_never_says_safe_and_names_no_path(card):
    assert not re.search(r"\bsafe(?!tensors)", card, re.IGNORECASE)
    assert "/home" not in card
    assert "Trained in mine on kittens." in card


def test_a_delta_that_is_shrunk():
    assert "0.75 of the difference is left" in render_card(draft("delta", 0.75), None)


@pytest.mark.parametrize(
    ("measured", "line"),
    [
        ({"before": results(200), "after": results(180)}, r"\*\*The gate failed.*harmful_score"),
        ({"before": results(20, 30), "after": results(0, 30)}, r"\*\*Undecided.*examples"),
        ({}, r"\*\*Unmeasured"),
    ],
)
def test_what_did_not_pass_is_said_first(measured, line):
    assert re.match(line, first_line(render_card(draft(measured=measured), OLD_CARD)))


def test_the_number_of_examples_that_would_decide():
    gate = {"verdict": "undecided", "reasons": [], "rules": [], "needed": 412}
    card = render_card(draft(verdict="undecided", gate=gate), None)
    assert first_line(card).endswith("About 412 examples per set would decide it.")


@pytest.mark.parametrize(
    ("measured", "drawn"),
    [(MEASURED, False), ({"before": results(200), "after": results(180)}, True)],
)
def test_where_nothing_passed_what_was_tried_is_drawn(tmp_path, measured, drawn):
    (point,) = draft(measured=measured).search
    taken = replace(point.measures, utility=point.measures.harmful_score)
    tried = tuple(
        point.model_copy(update={"scorer": name, "measures": taken, "chosen": name == "wanda"})
        for name in ("wanda", "contrast")
    )
    made = make_repair(tmp_path, measured=measured, search=tried)
    card = (made.out / "README.md").read_text()
    assert ("repair/frontier.svg" in made.manifest.files) == drawn
    assert ("](repair/frontier.svg)" in card) == drawn
    assert card.count("| contrast | 1 | 10 % |") == card.count("| wanda | 1 | 10 % |") == 1
    assert verify(made.out, source=made.source).ok


def test_licence_of_any_kind_and_a_grandparent():
    for front in (
        "license: other\nlicense_name: mine\nlicense_link: https://example.org/l",
        "license: other\nlicense_name: mine\nlicense_link: LICENSE",
        "license: apache-2.0",
    ):
        old = f"---\n{front}\nbase_model: org/grandparent\nmodel-index: []\n---\ntext"
        card = render_card(draft(metadata=kept_metadata(old)), old)
        assert front in card.partition("\n---\n")[0]
        assert "grandparent" not in card
        assert errors(card) == []


def test_rules_that_miss_or_were_not_checked():
    rule = {"name": "x", "sets": [], "n": 3, "worse": "lower", "note": "", "needed": None}
    missed = {**rule, "measured": -0.1, "budget": 0.0, "limit": -0.2, "bound": -0.1}
    wide = {**rule, "measured": 0.1, "budget": 0.0, "limit": -0.2, "bound": -0.1}
    absent = dict.fromkeys(["measured", "budget", "limit", "bound"]) | {**rule, "note": "no set"}
    missed |= {"holds_budget": False, "holds_limit": False}
    wide |= {"holds_budget": True, "holds_limit": False}
    absent |= {"holds_budget": None, "holds_limit": None}
    card = render_card(draft(gate={"rules": [missed, wide, absent]}), None)
    for text in ("| 3 | budget missed |", "| 3 | limit out of bounds |", "| 3 | not measured |"):
        assert text in card


def test_a_second_repair_replaces_the_first(card, made):
    again = render_card(made.manifest, card)
    assert again == card
    assert again.count(BEGIN) == again.count(END) == again.count("# My model") == 1


def test_a_target_is_named_in_the_commands(made):
    card = render_card(made.manifest, None, target="user/model-repaired")
    assert "hf download user/model-repaired --local-dir repaired" in card
    assert END in card and "The card of the source" not in card


@pytest.mark.parametrize(
    "old",
    [
        f"{BEGIN}\nnever ended",
        f"{END} before {BEGIN}",
        "<!-- modelrepair:<!-- modelrepair:end -->end -->",
        "---\n: [\n---\ntext",
        "---\nmodel-index: 3\n---\n",
        "---\n- a list\n---\n",
        "{{ 7 * 7 }} {% raw %}",
    ],
)
def test_old_cards_of_any_kind(made, old):
    card = render_card(made.manifest, old)
    assert card.count(BEGIN) == card.count(END) == 1
    assert render_card(made.manifest, card) == card
    assert ModelCard(card).data.base_model == "user/model"


def test_names_from_files_are_no_markup():
    manifest = draft(skipped={"a|b\n<script>`": "x [y](z)"}, judge=JudgeRecord(name="j"))
    card = render_card(manifest, None)
    assert "| a\\|b &lt;script>' | x \\[y](z) |" in card
    assert "Judge: j." in card
    named = draft(judge=JudgeRecord(name="j", distribution="judges", version="1"))
    assert "Judge: j (judges 1)." in render_card(named, None)


@pytest.mark.parametrize(
    "odd",
    [
        "",
        "tags: [unclosed\n",
        "what is this\n",
        "bad: &a [*a]\n",
        "extra_gated_button_content: Yes: I do\n",
    ],
)
@pytest.mark.parametrize(
    "change", [str, "\ufeff{}".format, lambda card: card.replace("\n", "\r\n")]
)
def test_odd_front_matter_loses_no_licence_language_or_gate(odd, change):
    front = f"license: mit\nlanguage: no\n{odd}extra_gated_prompt: Be kind\n"
    kept = kept_metadata(change(f"---\n{front}---\n# Mine\n"))
    says = {"license": "mit", "language": "no", "extra_gated_prompt": "Be kind"}
    assert {name: kept.get(name) for name in says} == says
    assert own_text(change(f"---\n{front}---\n# Mine\n")) == "# Mine"


def test_many_tensors_that_were_left_alone_are_counted_by_reason():
    few = {f"h.{number}.gate": "it chooses" for number in range(20)}
    assert "| h.19.gate | it chooses |" in render_card(draft(skipped=few), None)
    many = few | {f"h.0.experts.{number}.up": "unseen" for number in range(5000)} | {"one": "tied"}
    card = render_card(draft(skipped=many), None)
    assert "| h.0.gate and 19 more | it chooses |" in card
    assert "| h.0.experts.0.up and 4999 more | unseen |" in card and "| one | tied |" in card
    assert "left alone: 5021" in card and "h.19.gate" not in card
