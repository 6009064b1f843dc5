"""The four problems that searches are judged on, with what is known of each.

Reference objectives: computed with libroadrunner at relative tolerance 1e-12. Best known values and hits: Data2Dynamics, 1000
random starts in the same bounds (H. Hass, C. Loos, E. Raimundez-Alvarez et al., Bioinformatics 35:3073-3082 (2019); runs
published with F. Froehlich, P. K. Sorger, PLoS Comput. Biol. 18:e1010322 (2022)), evaluated again with the collection's data.
"""

from dataclasses import dataclass

from experiments.problems.petab import bachmann, boehm, brannmark, fujita
from experiments.problems.petab.model import Model


@dataclass(frozen=True)
class Case:
    """One problem.

    ``nominal``, ``best``   minus log likelihood at the collection's parameters, and the least that is known
    ``hits``, ``effort``    share of Data2Dynamics' starts within 0.1 of the best, and its mean iterations
    ``asked``, ``starts``   starts that were asked for and those of the full run; ``lanes`` of them are on the way at once
    ``persevering``         how many of them go on after their first end
    ``rtol``, ``atol``      of solves while searching
    ``iterations``          most Jacobians of a start
    """

    name: str
    model: Model
    nominal: float
    best: float
    hits: float
    effort: int
    asked: int
    starts: int
    lanes: int
    persevering: int
    rtol: float
    atol: float
    iterations: int


CASES = (
    Case("Boehm", boehm.MODEL, 138.221998, 138.221977, 0.024, 347, 1000, 1000, 128, 200, 1e-6, 1e-10, 150),
    Case("Fujita", fujita.MODEL, -53.083767, -66.5844, 0.004, 494, 1000, 300, 128, 300, 1e-7, 1e-13, 300),
    Case("Brannmark", brannmark.MODEL, 141.889204, 141.824861, 0.015, 569, 1000, 1000, 128, 200, 1e-6, 1e-11, 150),
    Case("Bachmann", bachmann.MODEL, -418.405721, -418.405721, 0.15, 729, 200, 200, 24, 24, 1e-6, 1e-10, 150),
)
