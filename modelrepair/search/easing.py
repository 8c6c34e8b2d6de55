"""A smaller penalty for a scorer, once a round found no more entries worth masking."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from modelrepair.search.candidates import Candidate, affordable, harm_is_gone
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
    known = study.baseline, study.budgets
    return affordable(point, *known) and not harm_is_gone(point, *known)
