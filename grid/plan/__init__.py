"""What a plan is made of: cells of tables, and the unique trainings and evaluations that they need, a graph.

`grid.planning.planner` makes plans.
"""

from grid.plan.specs import (
    ApproachSpec,
    CorpusDigest,
    Criterion,
    EvaluationSpec,
    ModelSpec,
    Read,
    Row,
    TrainingSpec,
    Validated,
    unlabelled_splits,
    validated,
)
from grid.plan.units import Cell, Evaluation, Plan, Rivals, Training

__all__ = [
    "ApproachSpec",
    "Cell",
    "CorpusDigest",
    "Criterion",
    "Evaluation",
    "EvaluationSpec",
    "ModelSpec",
    "Plan",
    "Read",
    "Rivals",
    "Row",
    "Training",
    "TrainingSpec",
    "Validated",
    "unlabelled_splits",
    "validated",
]
