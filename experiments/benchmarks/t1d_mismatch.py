"""What-ifs of people whose equations are not the twin's: made of the Hovorka model, fitted by the UVA/Padova family alone.

``--data`` is any folder of the layout of ``t1d_counterfactual_insilico``; without it twenty people are made here.
"""

import tempfile
from pathlib import Path

from calibration.diabetes.s2008 import S2008
from experiments.benchmarks.contract import Result
from experiments.benchmarks.t1d_whatif import QUICK, Asked, scored_folder
from experiments.problems.hovorka_people import write_hovorka_people

ASKED = Asked(12.0, 7.0, 0.8, 1.0)


def run(data: Path | None, quick: bool) -> Result:
    """Quick: three people."""
    if data is not None:
        return scored_folder("t1d-mismatch", data, (S2008(),), ASKED, [], quick)
    with tempfile.TemporaryDirectory() as made:
        write_hovorka_people(Path(made), QUICK if quick else 20)
        return scored_folder("t1d-mismatch", Path(made), (S2008(),), ASKED, [], quick)
