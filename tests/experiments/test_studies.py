"""Studies on small sizes: rows that fit the schemas, coverage as stated, shards that depend on nobody else."""

from pathlib import Path

import numpy as np
import pytest
from experiments.schemas import to_arrow
from experiments.scenario import Arm, Effect, Theophylline, Regimen, VirtualCohort
from experiments.studies import theophylline, virtual_cohort

HERE = Path(__file__)


def silent(message, fraction):
    """Progress that nobody reads."""


@pytest.mark.slow
def test_virtual_people_do_not_depend_on_their_shard():
    arms = (Arm("vasodilator", (Effect("systemic_bed.resistance", 0.78, 0.08, "test"),)),)
    study = virtual_cohort.build(VirtualCohort(6, 0, 0.9, 4, arms), 5, HERE)
    shards = study.shards()
    tables = [study.run(shard, silent) for shard in shards if not shard.pooled]
    for rows in tables:
        for name, table in rows.items():
            to_arrow(name, table)
    swapped = virtual_cohort.build(VirtualCohort(6, 0, 0.9, 4, arms), 5, HERE)
    again = swapped.run(swapped.shards()[1], silent)
    assert again == tables[1]
    pooled = study.pool(lambda name: [row for rows in tables for row in rows.get(name, [])])
    assert {row["quantity"] for row in pooled["items"]} >= {"pooled", "share not identified"}


def test_theophylline_people_are_fitted_and_predicted():
    regimen = Regimen("one dose", (0.0,), (300.0,))
    config = Theophylline("theophylline", 3, 0.9, 20, 2, (10.0, 20.0), 12.0, (regimen,))
    study = theophylline.build(config, 1, HERE)
    rows = study.run(study.shards()[0], silent)
    for name, table in rows.items():
        to_arrow(name, table)
    assert {row["status"] for row in rows["fits"]} == {"ok"}
    held = [row for row in rows["observations"] if row["held_out"]]
    assert len(held) == 36
    # independent population fits put clearance at 2.75 L/h and volume at 31.8 L for these people
    clearance = [row["estimate"] for row in rows["fits"] if row["parameter"] == "elimination.clearance"]
    weights = {course.person: course.weight_kg for course in study.courses}
    mean = np.mean([c * weights[r["patient"]] / 70.0 for c, r in zip(clearance, rows["fits"][1::5], strict=True)])
    assert mean == pytest.approx(2.75, rel=0.15)


def test_people_who_could_not_be_fitted_are_in_the_denominator_of_coverage():
    study = virtual_cohort.build(VirtualCohort(4, 0, 0.9, 2, ()), 5, HERE)
    name = virtual_cohort.FREE[0]

    def fitted(patient, lo, hi, truth=1.0, status="ok"):
        known = {"parameter": name, "truth": truth, "identifiable": lo is not None, "status": status}
        return {"patient": patient, "lo": lo, "hi": hi} | known

    def rested(patient, method, value, lo, hi):
        return {"patient": patient, "arm": "baseline", "quantity": "q", "method": method, "value": value, "lo": lo, "hi": hi}

    lost = fitted("s003", None, None, status="solve failed"), fitted("s004", None, None, None, "failed")
    fits = [fitted("s001", 0.5, 2.0), fitted("s002", 0.9, 1.1), *lost]
    items = [rested(f"s00{i}", "truth", 1.0, None, None) for i in (1, 2, 3)]
    items += [rested("s001", "m", 1.0, 0.9, 1.1), rested("s002", "m", 2.0, 1.9, 2.1), rested("s003", "not quantified", None, None, None)]
    pooled = study.pool({"fits": fits, "items": items}.__getitem__)["items"]
    found = {row["quantity"]: row["value"] for row in pooled}
    # of three people with a truth two are held, one could not be fitted; of three at rest one is held
    assert found["pooled"] == pytest.approx(2 / 3)
    assert found["q"] == pytest.approx(1 / 3)
