"""Populations: what people share and how they scatter, by approximations of the marginal likelihood."""

from calibration.population.cohort import Cohort, terms_at
from calibration.population.covariance import from_curvature, from_scores, sandwich, with_errors
from calibration.population.fit import Estimate, PopulationFit, SearchStatus, fit_population
from calibration.population.importance import ImportanceSampling
from calibration.population.model import Population, Theta, Tied
from calibration.population.npde import Npde, npde
from calibration.population.objectives import FO, FOCE, FOCEI, AbstractObjective, Laplace
from calibration.population.occasions import Occasional, occasions, on_occasion
from calibration.population.quadrature import Quadrature
from calibration.population.replicates import Replicates, replicated
from calibration.population.saem import saem
from calibration.population.structure import AbstractStructure, Equations, Measured
from calibration.population.visual_check import VisualCheck, visual_check

__all__ = [
    "FO",
    "FOCE",
    "FOCEI",
    "AbstractObjective",
    "AbstractStructure",
    "Cohort",
    "Equations",
    "Estimate",
    "ImportanceSampling",
    "Laplace",
    "Measured",
    "Npde",
    "Occasional",
    "Population",
    "PopulationFit",
    "Quadrature",
    "Replicates",
    "SearchStatus",
    "Theta",
    "Tied",
    "VisualCheck",
    "fit_population",
    "from_curvature",
    "from_scores",
    "npde",
    "occasions",
    "on_occasion",
    "replicated",
    "saem",
    "sandwich",
    "terms_at",
    "visual_check",
    "with_errors",
]
