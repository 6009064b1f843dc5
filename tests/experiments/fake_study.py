"""A study without models, for the runner's tests; as a script it is the command line with this study in it.

FAKE_SHARDS  how many shards        FAKE_SLEEP   seconds each takes
FAKE_FAIL    index that raises      FAKE_SICK    index whose second person has a status other than ok
"""

import os
import sys
import time
import types
from pathlib import Path

from experiments import cli, study
from experiments.study import AbstractStudy, Shard, shard_key

SCENARIO = 'name = "fake"\nseed = 7\n[fsigt]\n'


class FakeStudy(AbstractStudy):
    name = "fake"

    def __init__(self, config, seed):
        self.config, self.seed = config, seed
        self.ran = []

    def shards(self):
        count = int(os.environ.get("FAKE_SHARDS", "3"))
        keys = [
            shard_key("fake", self.config, "", self.seed, "fake 1", "float64", index=i) for i in range(count)
        ]
        return [Shard("fake", i, key, f"part {i}", {"offset": 10 * i}) for i, key in enumerate(keys)]

    def run(self, shard, progress):
        self.ran.append(shard.index)
        progress("working", 0.5)
        progress("still working")
        time.sleep(float(os.environ.get("FAKE_SLEEP", "0")))
        if os.environ.get("FAKE_FAIL") == str(shard.index):
            raise RuntimeError("the model\ndiverged")
        rows = [self._row(shard, person) for person in range(2)]
        if os.environ.get("FAKE_SICK") == str(shard.index):
            rows[1] |= {"value": None, "status": "solve failed", "reason": "step limit"}
        times = [0.0, 1.0]
        series = {"study": "fake", "patient": str(shard.index), "variable": "pressure", "unit": "mmHg"}
        series |= {
            "time_unit": "s",
            "t": times,
            "value": [self.seed * time for time in times],
            "synthetic": True,
        }
        return {"items": rows, "series": [series]}

    def _row(self, shard, person):
        return {
            "study": "fake",
            "patient": f"{shard.index}-{person}",
            "arm": "none",
            "quantity": "volume",
            "unit": "mL",
            "value": self.seed / 3.0 + shard.payload["offset"] + person,
            "method": "not quantified",
            "status": "ok",
            "synthetic": True,
        }


def build_studies(scenario, source):
    return [FakeStudy(scenario.fsigt, scenario.seed)]


def write_report(folder):
    (Path(folder) / "report.html").write_text("<!doctype html><title>fake</title>")


def fake_report():
    module = types.ModuleType("experiments.report")
    module.write = write_report
    return module


if __name__ == "__main__":
    study.build_studies = build_studies
    sys.modules["experiments.report"] = fake_report()
    cli.main()
