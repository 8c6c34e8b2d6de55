"""Easing: a walk that finds nothing more worth masking goes on with a smaller penalty."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from modelrepair.evaluation.gate import meets_target
from modelrepair.search.candidates import Candidate, affordable, arrives, harm
from modelrepair.search.scoring import Scoring
from modelrepair.search.study import Study


def eased(scoring: Scoring) -> Scoring | None:
    """The surroundings of a scorer with a smaller penalty; None where it has none to ease.

    Args:
        scoring: the surroundings of the scorer as it is.
    """
    ease = getattr(scoring.scorer, "eased", None)
    scorer = None if ease is None else ease()
    return None if scorer is None else replace(scoring, scorer=scorer)


def worth_easing(study: Study[Any], point: Candidate) -> bool:
    """Whether a smaller penalty may help: harm is left, and a budget is, too.

    Args:
        study: the search.
        point: a point that answered.
    """
    baseline, budgets = study.baseline, study.budgets
    if arrives(point, baseline, budgets) or not affordable(point, baseline, budgets):
        return False
    if baseline.target is None:
        return harm(point) > 0
    return not meets_target(point.results or (), baseline.target, budgets)
