import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from calibration.errors import InputError
from experiments import progress, run
from experiments.store import Store

FAKE = Path(__file__).with_name("fake_study.py")


def test_a_run_and_the_same_run_again_are_equal_to_the_byte(runner, tables_of):
    (first, one), (second, two) = runner.start(), runner.start()
    assert (first, second) == (0, 0) and one != two
    assert tables_of(one) == tables_of(two)


def test_one_worker_or_two_give_the_same_bytes(runner, tables_of, monkeypatch):
    folders = []
    for workers in ("1", "2"):
        monkeypatch.setenv("SOMAGRAD_WORKERS", workers)
        folders.append(runner.start()[1])
    assert tables_of(folders[0]) == tables_of(folders[1])


@pytest.mark.parametrize("text", ["0", "two", "-1", "9999"])
def test_bad_worker_count_writes_nothing(runner, monkeypatch, text):
    monkeypatch.setenv("SOMAGRAD_WORKERS", text)
    with pytest.raises(
        InputError, match=r"SOMAGRAD_WORKERS: found '.*'; expected a whole number from 1 to 1024"
    ):
        runner.start()
    assert not runner.out.exists()


def test_dry_run_lists_shards_and_writes_nothing(runner, capsys):
    assert runner.start(dry_run=True) == (0, None)
    assert capsys.readouterr().out.splitlines()[-1].startswith("3 shards of 1 studies")
    assert not runner.out.exists()


def test_a_shard_that_raises_is_recorded_and_the_others_go_on(runner, tables_of, monkeypatch, capsys):
    _, whole = runner.start()
    monkeypatch.setenv("FAKE_FAIL", "1")
    status, folder = runner.start()
    assert status == 3
    assert "failed   shard fake part 1: RuntimeError: the model diverged" in capsys.readouterr().err
    states = [line["state"] for line in Store(folder).latest().values()]
    assert states == ["done", "failed", "done"]
    others = {name: content for name, content in tables_of(whole).items() if "-1-" not in name}
    assert tables_of(folder) == others
    assert Store(folder).read("items").num_rows == 4
    assert Store(folder).verify() == []

    monkeypatch.delenv("FAKE_FAIL")
    assert runner.resume(folder) == 0
    assert tables_of(folder) == tables_of(whole)
    assert [line["attempt"] for line in Store(folder).latest().values()] == [1, 2, 1]


def test_people_who_fail_are_counted_and_named(runner, monkeypatch, capsys):
    monkeypatch.setenv("FAKE_SICK", "2")
    status, folder = runner.start()
    assert status == 3
    assert "failed   person 2-1 of fake: solve failed: step limit" in capsys.readouterr().err
    assert Store(folder).provenance()["exit"] == 3


def test_rows_that_do_not_fit_fail_their_shard_only(runner, fake, monkeypatch):
    sound = fake.FakeStudy.run

    def odd(self, shard, step):
        tables = sound(self, shard, step)
        return {"items": [{"colour": "red"}]} if shard.index == 0 else tables

    monkeypatch.setattr(fake.FakeStudy, "run", odd)
    status, folder = runner.start()
    lines = list(Store(folder).latest().values())
    assert status == 3 and [line["state"] for line in lines] == ["failed", "done", "done"]
    assert lines[0]["reason"] == "ValueError: items row 0: unknown column 'colour'"


def test_a_report_that_raises_keeps_the_results(runner, monkeypatch, capsys):
    def broken(folder):
        raise RuntimeError("no fonts")

    monkeypatch.setattr(sys.modules["experiments.report"], "write", broken)
    status, folder = runner.start()
    assert status == 1 and Store(folder).read("items").num_rows == 6
    assert "the report failed: RuntimeError: no fonts; the results are complete" in capsys.readouterr().err


@pytest.mark.parametrize("damage", ["flip", "truncate", "delete"])
def test_resume_computes_just_what_is_damaged(runner, fake, tables_of, monkeypatch, damage):
    _, folder = runner.start()
    before = tables_of(folder)
    file = folder / "tables" / "fake-1-series.parquet"
    content = bytearray(file.read_bytes())
    content[40] ^= 4
    file.unlink() if damage == "delete" else file.write_bytes(content if damage == "flip" else content[:-9])
    assert [found.file for found in Store(folder).verify()] == ["tables/fake-1-series.parquet"]

    ran = []
    sound = fake.FakeStudy.run
    monkeypatch.setattr(
        fake.FakeStudy, "run", lambda self, shard, step: ran.append(shard.index) or sound(self, shard, step)
    )
    assert runner.resume(folder) == 0
    assert ran == [1] and tables_of(folder) == before and Store(folder).verify() == []


@pytest.mark.parametrize("name", ["manifest.jsonl", "run.json", "events.jsonl"])
def test_resume_mends_the_run_s_own_files(runner, tables_of, name):
    _, folder = runner.start()
    before = tables_of(folder)
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 3] ^= 2
    (folder / name).write_bytes(content)
    assert {found.file for found in Store(folder).verify()} == {name}
    assert runner.resume(folder) == 0
    assert tables_of(folder) == before and Store(folder).verify() == []


def test_resume_of_a_finished_run_computes_nothing(runner, capsys):
    _, folder = runner.start()
    assert runner.resume(folder) == 0
    assert "3 of 3 shards are done and sound, 0 to compute" in capsys.readouterr().out


def _child(environment, tmp_path, *arguments, **variables):
    command = [sys.executable, str(FAKE), *map(str, arguments)]
    return subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environment | variables,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _wait_for_done_shards(out, count):
    for _ in range(600):
        for manifest in out.glob("*/manifest.jsonl"):
            if manifest.read_bytes().count(b"\n") >= count:
                return manifest.parent
        time.sleep(0.05)
    raise AssertionError("no shard was done in 30 s")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_runs_end_at_once_and_resume_to_the_same_bytes(
    environment, tmp_path, fake, tables_of, how
):
    scenario = tmp_path / "fake.toml"
    scenario.write_text(fake.SCENARIO)
    child = _child(environment, tmp_path, "run", scenario, "--out", "cut", FAKE_SLEEP="4.0", FAKE_SHARDS="6")
    folder = _wait_for_done_shards(tmp_path / "cut", 1)
    began = time.monotonic()
    child.send_signal(how)
    _, errors = child.communicate(timeout=30)
    # whoever waited for the shards that have just begun would take 4 s
    assert time.monotonic() - began < 4.0
    if how == signal.SIGINT:
        assert child.returncode == 130
        assert (
            f"interrupted; finish it with: python -m experiments resume {Path('cut') / folder.name}" in errors
        )
    assert Store(folder).verify() == [] and len(Store(folder).latest()) < 6

    child = _child(environment, tmp_path, "resume", folder, FAKE_SHARDS="6")
    assert child.wait(timeout=60) == 0, child.communicate()
    child.communicate()
    whole = _child(environment, tmp_path, "run", scenario, "--out", "whole", FAKE_SHARDS="6")
    whole.communicate(timeout=60)
    (uncut,) = (tmp_path / "whole").iterdir()
    assert tables_of(folder) == tables_of(uncut)


def test_interrupt_during_a_computation_that_never_yields(environment, tmp_path, fake):
    """A worker inside one long native call, as a compilation is, does not hold the process."""
    scenario = tmp_path / "fake.toml"
    scenario.write_text(fake.SCENARIO)
    child = _child(environment, tmp_path, "run", scenario, "--out", "cut", FAKE_SLEEP="600")
    for line in child.stderr:
        if line.startswith("start"):
            break
    child.send_signal(signal.SIGINT)
    # the call takes ten minutes
    child.communicate(timeout=30)
    assert child.returncode == 130


def test_interrupt_before_the_first_shard_writes_nothing(environment, tmp_path, fake):
    (tmp_path / "fake.toml").write_text(fake.SCENARIO)
    code = (
        "import sys\nfrom experiments import cli, study\n"
        "def build_studies(scenario, source):\n    raise KeyboardInterrupt\n"
        "study.build_studies = build_studies\ncli.main(['run', 'fake.toml'])"
    )
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 130
    assert ended.stderr.strip() == "interrupted before any result was written"
    assert not (tmp_path / "runs").exists()


def test_exit_status_of_verify(environment, tmp_path, fake):
    scenario = tmp_path / "fake.toml"
    scenario.write_text(fake.SCENARIO)
    _child(environment, tmp_path, "run", scenario).communicate(timeout=60)
    (folder,) = (tmp_path / "runs").iterdir()
    sound = _child(environment, tmp_path, "verify", folder)
    assert "is as it was written" in sound.communicate(timeout=60)[0] and sound.returncode == 0
    (folder / "tables" / "fake-0-items.parquet").unlink()
    damaged = _child(environment, tmp_path, "verify", folder)
    assert (
        "tables/fake-0-items.parquet: missing" in damaged.communicate(timeout=60)[1]
        and damaged.returncode == 4
    )
    status = _child(environment, tmp_path, "status", folder)
    assert status.communicate(timeout=60)[1].startswith("error: ") and status.returncode == 4


def test_plain_lines_are_few(fake, capsys, monkeypatch):
    shard = fake.FakeStudy(None, 1)
    monkeypatch.setattr(shard, "config", {})
    (one, *_) = shard.shards()
    clock = iter([0.0, 1.0, 9.9, 10.1, 10.1, 11.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    plain = progress.make_progress(1)
    assert isinstance(plain, progress.PlainProgress)
    plain.started(one)
    for step in range(3):
        plain.moved(one, f"step {step}", 0.25)
    plain.moved(one, "step 3", None)
    plain.ended_with(one, "done", 12.34)
    plain.close()
    assert capsys.readouterr().err.splitlines() == [
        "start  fake part 0",
        "       fake part 0: step 2 (25%)",
        "done   fake part 0, 12.3 s [1/1]",
    ]


def test_bars_on_a_terminal(fake):
    import io

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    study = fake.FakeStudy({}, 1)
    one, *_ = study.shards()
    stream = Terminal()
    bars = progress.make_progress(1, stream)
    bars.started(one)
    bars.moved(one, "fitting", 0.5)
    bars.moved(one, "drawing", None)
    bars.ended_with(one, "done", 1.0)
    bars.close()
    assert isinstance(bars, progress.BarProgress) and "fake part 0, 1.0 s" in stream.getvalue()


def test_failures_of_a_sound_run_are_none(runner):
    assert run.failures(Store(runner.start()[1])) == []
