"""How well a search, a posterior or a prediction did: starts, cost, coverage, ranks, predictive checks, export."""

from calibration.diagnostics.cost import GradientCost, gradient_cost
from calibration.diagnostics.coverage import (
    Coverage,
    Share,
    clustered_wilson,
    coverage,
    fit_coverage,
    inside,
    marks_of,
    subgroup_coverage,
    wilson,
)
from calibration.diagnostics.export import to_arviz
from calibration.diagnostics.predictive import Predictive, predictive
from calibration.diagnostics.ranks import Uniformity, ranks, uniform_band, uniformity
from calibration.diagnostics.starts import Convergence, convergence, distinct_optima, excess, waterfall

__all__ = [
    "Convergence",
    "Coverage",
    "GradientCost",
    "Predictive",
    "Share",
    "Uniformity",
    "clustered_wilson",
    "convergence",
    "coverage",
    "distinct_optima",
    "excess",
    "fit_coverage",
    "gradient_cost",
    "inside",
    "marks_of",
    "predictive",
    "ranks",
    "subgroup_coverage",
    "to_arviz",
    "uniform_band",
    "uniformity",
    "waterfall",
    "wilson",
]
