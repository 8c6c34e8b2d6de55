"""Plug-ins that are broken, clash, are misspelt or too new, or take a name of ours."""

from __future__ import annotations

import pytest

from modelrepair.cli.main import run
from modelrepair.errors import PluginError, UsageError
from modelrepair.examples.find import find_set
from modelrepair.examples.load import SetReading
from modelrepair.plugin.registry import load_registry, make_judge, make_scorer

OWN = ["wanda", "magnitude", "gradient", "contrast"]


def names(registry):
    return [item.spec.name for item in registry.scorers()]


def test_our_own_come_through_the_same_door():
    registry = load_registry()
    assert [
        item.spec.name for item in registry.scorers() if item.distribution == "modelrepair"
    ] == OWN
    assert {item.spec.name for item in registry.judges()} >= {"keyword", "demo-world"}


def test_a_plug_in_registers_and_is_named_with_its_version(install, scorer_code):
    install("fine-scorer", scorer_code("fine"), version="2.1")
    registered = load_registry().scorer("fine")
    assert (registered.distribution, registered.version) == ("fine-scorer", "2.1")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import nowhere_to_be_found", "nowhere_to_be_found"),
        ("raise SystemExit(3)", "SystemExit"),
        ("x = (", "SyntaxError"),
        (
            """
            from modelrepair.plugin.hookspecs import hookimpl
            @hookimpl
            def modelrepair_scorer():
                return []
            """,
            "there is no hook 'modelrepair_scorer'; did you mean 'modelrepair_scorers'?",
        ),
        (
            "def modelrepair_scorers(): return []",
            "'modelrepair_scorers' lacks the marker @hookimpl",
        ),
        (
            """
            from modelrepair.plugin.hookspecs import hookimpl
            @hookimpl
            def modelrepair_scorers():
                raise RuntimeError("boom")
            """,
            "boom",
        ),
        (
            """
            from modelrepair.plugin.hookspecs import hookimpl
            @hookimpl
            def modelrepair_scorers(context):
                return []
            """,
            "'modelrepair_scorers' asks for the argument 'context': this hook takes no arguments",
        ),
        (
            """
            from modelrepair.plugin.hookspecs import hookimpl
            @hookimpl
            def modelrepair_scorers(*, strict):
                return []
            """,
            "'modelrepair_scorers' takes 'strict' by keyword only, which no hook is called with",
        ),
    ],
    ids=["import", "exit", "syntax", "misspelt", "unmarked", "raises", "argument", "keyword-only"],
)
def test_a_broken_plug_in_is_recorded_and_skipped(install, scorer_code, code, message):
    install("broken-scorer", code, version="0.3", entry_point="broken")
    install("fine-scorer", scorer_code("fine"))
    registry = load_registry()
    assert set(names(registry)) >= {*OWN, "fine"}
    (failure,) = registry.failures
    assert (failure.distribution, failure.version, failure.entry_point) == (
        "broken-scorer",
        "0.3",
        "broken",
    )
    assert message in failure.error
    assert [p.status for p in registry.plugins if p.distribution == "broken-scorer"] == ["failed"]


@pytest.mark.parametrize("name", ["broken", "broken-scorer", "scorer"])
def test_the_chosen_one_failing_is_an_error(install, name):
    install("broken-scorer", "import nowhere_to_be_found", entry_point="broken")
    with pytest.raises(PluginError, match=r"broken-scorer 1\.0") as caught:
        load_registry().scorer(name)
    assert caught.value.exit_code == 5
    assert isinstance(caught.value.__cause__, ImportError)


def test_another_name_mentions_what_was_not_loaded(install):
    install("broken-scorer", "import nowhere_to_be_found", entry_point="broken")
    with pytest.raises(UsageError) as caught:
        load_registry().scorer("elsewhere")
    assert "broken-scorer (failed)" in caught.value.hint


def test_two_distributions_of_one_name_are_both_named_when_it_is_asked_for(install, scorer_code):
    install("first-scorer", scorer_code("same"), version="1.0")
    install("second-scorer", scorer_code("same"), version="2.0")
    registry = load_registry()
    assert registry.scorer("wanda").distribution == "modelrepair"
    with pytest.raises(UsageError) as caught:
        registry.scorer("same")
    assert "first-scorer 1.0 and second-scorer 2.0" in str(caught.value)
    assert "MODELREPAIR_PLUGINS" in caught.value.hint


def test_a_newer_interface_is_refused_by_name(install, scorer_code):
    install("future-scorer", scorer_code("future", api=2))
    registry = load_registry()
    assert "future" not in names(registry)
    with pytest.raises(PluginError, match="interface 2, this modelrepair offers 1"):
        registry.scorer("future")


@pytest.mark.parametrize("offered", ['"text"', 'ScorerSpec("two words", "", load="", sets=dict)'])
def test_what_is_no_spec_is_reported(install, offered):
    install(
        "odd-scorer",
        f"""
        from modelrepair.plugin.hookspecs import hookimpl
        from modelrepair.plugin.specs import ScorerSpec
        @hookimpl
        def modelrepair_scorers():
            return [{offered}]
        """,
    )
    registry = load_registry()
    assert len(registry.failures) == 1
    assert set(names(registry)) == set(OWN)


@pytest.mark.parametrize(
    ("variable", "expected"),
    [("", []), ("one-scorer", ["one"]), ("One_Scorer, second", ["one", "two"]), ("other", [])],
)
def test_the_allow_list(install, scorer_code, monkeypatch, variable, expected):
    install("one-scorer", scorer_code("one"), entry_point="first")
    install("two-scorer", scorer_code("two"), entry_point="second")
    monkeypatch.setenv("MODELREPAIR_PLUGINS", variable)
    registry = load_registry()
    assert names(registry) == OWN + expected
    blocked = [plugin for plugin in registry.plugins if plugin.status == "blocked"]
    assert len(blocked) == 2 - len(expected)


def test_an_unknown_name_comes_with_the_nearest():
    with pytest.raises(UsageError) as caught:
        load_registry().scorer("wnada")
    assert "did you mean 'wanda'?" in caught.value.hint
    with pytest.raises(UsageError) as caught:
        load_registry().judge("zzz")
    assert "there are: classifier, demo-world, guard, keyword" in caught.value.hint


def test_a_scorer_whose_module_is_missing_names_its_distribution(install, scorer_code):
    install("hollow-scorer", scorer_code("hollow"), version="3.0")
    with pytest.raises(PluginError, match=r"'hollow' of hollow-scorer 3\.0.*nowhere") as caught:
        make_scorer(load_registry().scorer("hollow"), {}, "weight")
    assert isinstance(caught.value.__cause__, ImportError)


def test_a_scorer_without_a_score_is_no_scorer(install, scorer_code):
    install("hollow-scorer", scorer_code("hollow", load="types:SimpleNamespace"))
    with pytest.raises(PluginError):
        make_scorer(load_registry().scorer("hollow"), {}, "weight")


def test_a_judge_is_made(install):
    install(
        "kind-judge",
        """
        from dataclasses import dataclass
        from modelrepair.plugin.hookspecs import hookimpl
        from modelrepair.plugin.specs import JudgeSpec
        @dataclass(frozen=True)
        class Options:
            model: str
            threshold: float = 0.5
        class Kind:
            name = "kind"
            def __init__(self, options):
                self.options = options
            def judge(self, exchanges):
                return ["harmless" for _ in exchanges]
        @hookimpl
        def modelrepair_judges():
            yield JudgeSpec("kind", "finds no harm", load="kind_judge:Kind", options=Options)
            yield JudgeSpec("lost", "is not there", load="kind_judge:Lost")
            yield JudgeSpec("mute", "cannot judge", load=dict)
        """,
    )
    registry = load_registry()
    judge = make_judge(registry.judge("kind"), {"model": "org/guard", "threshold": "0.7"})
    assert (judge.name, judge.options.model, judge.options.threshold) == ("kind", "org/guard", 0.7)
    with pytest.raises(UsageError, match="kind needs the option 'model'") as caught:
        make_judge(registry.judge("kind"), {})
    assert caught.value.hint == "give it with --judge-option model=…"
    with pytest.raises(UsageError, match="keyword has no option 'model'"):
        make_judge(registry.judge("keyword"), {"model": "org/guard"})
    for name in ("lost", "mute"):
        with pytest.raises(PluginError, match=rf"judge '{name}' of kind-judge 1\.0"):
            make_judge(registry.judge(name), {})


TAKER = """
from modelrepair.plugin.hookspecs import hookimpl
from modelrepair.plugin.specs import ExampleSetSpec, JudgeSpec, ScorerSpec

@hookimpl
def modelrepair_scorers():
    sets = lambda options, kind: {"realign": "prompts"}
    return [ScorerSpec(name, "not ours", "nowhere:Nothing", sets) for name in ("wanda", "mine")]

@hookimpl
def modelrepair_judges():
    return [JudgeSpec(name, "not ours", load=dict) for name in ("keyword", "strict")]

@hookimpl
def modelrepair_example_sets():
    return [
        ExampleSetSpec(name, "not ours", "org/other", ("utility",)) for name in ("plain", "fancy")
    ]
"""


@pytest.fixture
def taken(install):
    install("a-taker", TAKER, version="2.0", entry_point="taker")
    return load_registry()


def test_each_name_stays_ours(taken):
    assert taken.scorer("wanda").distribution == "modelrepair"
    assert taken.judge("keyword").distribution == "modelrepair"
    assert taken.example_set("plain", "utility").distribution == "modelrepair"


def test_its_other_names_work(taken):
    assert taken.scorer("mine").distribution == "a-taker"
    assert taken.judge("strict").distribution == "a-taker"
    assert taken.example_set("fancy", "utility").distribution == "a-taker"


def test_each_name_is_reported(taken, capsys):
    said = [str(failure) for failure in taken.failures]
    assert said == [
        f"a-taker 2.0 (taker): offers the name {name!r}, which is modelrepair's own and stays so"
        for name in ("wanda", "keyword", "plain")
    ]
    for command in ("scorers", "plugins"):
        assert run([command, "list", "--json"]) == 0
        out, err = capsys.readouterr()
        assert "'wanda'" in out + err


def test_our_set_is_the_one_that_is_read(taken):
    assert find_set("plain", "utility", SetReading())[0].id == "plain"
