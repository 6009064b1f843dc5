"""Populations: what people share and how they scatter, by approximations of the marginal likelihood."""

from calibration.population.cohort import Cohort, terms_at
from calibration.population.covariance import from_curvature, from_scores, sandwich, with_errors
from calibration.population.fit import Estimate, PopulationFit, SearchStatus, fit_population
from calibration.population.importance import ImportanceSampling
from calibration.population.model import Population, Theta
from calibration.population.objectives import FO, FOCE, FOCEI, AbstractObjective, Laplace
from calibration.population.quadrature import Quadrature
from calibration.population.saem import saem
from calibration.population.structure import AbstractStructure, Equations, Measured

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
    "Population",
    "PopulationFit",
    "Quadrature",
    "SearchStatus",
    "Theta",
    "fit_population",
    "from_curvature",
    "from_scores",
    "saem",
    "sandwich",
    "terms_at",
    "with_errors",
]
