import os
import subprocess
import sys

import pytest

from calibration.errors import InputError
from experiments import scenario
from experiments.cli import DEMO

DEMO_TEXT = DEMO.read_text()
HEAD = 'name = "a"\nseed = 1\n'


def _load(tmp_path, text, *overrides):
    file = tmp_path / "s.toml"
    file.write_text(text)
    return scenario.load(file, overrides)


def _complaint(tmp_path, text, *overrides):
    with pytest.raises(InputError) as caught:
        _load(tmp_path, text, *overrides)
    message = str(caught.value)
    assert "\n" not in message
    return message.replace(str(tmp_path / "s.toml"), "s.toml")


def test_the_demo_resolves_to_plain_numbers():
    demo = scenario.load(DEMO)
    assert demo.theophylline.window_mg_per_l == (10.0, 20.0)
    assert demo.theophylline.horizon_h == 48.0
    assert [regimen.name for regimen in demo.theophylline.regimens] == [
        "200 mg every 6 h",
        "300 mg every 8 h",
        "400 mg every 12 h",
    ]
    assert demo.theophylline.regimens[2].times_h == (0.0, 12.0, 24.0, 36.0)
    assert demo.theophylline.regimens[2].doses_mg == (400.0,) * 4
    assert demo.fsigt.start_min == 8.0
    assert [arm.name for arm in demo.virtual_cohort.arms] == ["vasodilator", "beta-blocker"]
    assert [effect.times for effect in demo.virtual_cohort.arms[1].effects] == [0.9, 0.925]
    assert scenario.from_json(scenario.msgspec.json.encode(demo)) == demo


def test_units_are_converted_and_do_not_change_the_digest(tmp_path):
    text = (
        HEAD
        + '[theophylline]\nhorizon = "%s"\n[[theophylline.regimen]]\nname = "r"\ndose = "%s"\nevery = "%s"\n'
    )
    one, other = (
        _load(tmp_path, text % ("1 h", "0.5 g", "30 min")),
        _load(tmp_path, text % ("60 min", "500 mg", "0.5 h")),
    )
    assert one.theophylline.regimens[0].doses_mg == (500.0, 500.0)
    assert one.digest() == other.digest()
    assert one.digest() != _load(tmp_path, text % ("2 h", "0.5 g", "30 min")).digest()


def test_listed_doses(tmp_path):
    text = (
        HEAD + '[[theophylline.regimen]]\nname = "r"\ntimes = ["0 h", "90 min"]\ndoses = ["1 g", "200 mg"]\n'
    )
    assert _load(tmp_path, text).theophylline.regimens == (
        scenario.Regimen("r", (0.0, 1.5), (1000.0, 200.0)),
    )


def test_overrides(tmp_path):
    changed = _load(
        tmp_path,
        DEMO_TEXT,
        "virtual_cohort.people=8",
        "theophylline.regimen.1.dose=250 mg",
        'fsigt.start="9 min"',
    )
    assert changed.virtual_cohort.people == 8
    assert changed.theophylline.regimens[1].doses_mg[0] == 250.0
    assert changed.fsigt.start_min == 9.0


WHOLE = "expected a whole number from 1 to 1000000"
TIME = 'expected a time with a unit, such as "6 h"'
MASS = 'expected an amount of drug with a unit, such as "200 mg"'
WINDOW = 'expected two rising concentrations with units, such as ["10 mg/L", "20 mg/L"]'
LEVEL = "expected the level of the intervals between 0 and 1, such as 0.9 for 90 %"
FIELDS = "expected one of regimen, data, hold_out_last, level, draws, starts, window, horizon"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "draws = 400",
            "drows = 400",
            f"12: theophylline.drows: unknown key (did you mean `theophylline.draws`?); {FIELDS}",
        ),
        (
            "seed = 20261123",
            "seed = 1\nhorizon = 3",
            "6: horizon: unknown key (did you mean `theophylline.horizon`?); expected one of name, seed, "
            "theophylline, "
            "fsigt, virtual_cohort",
        ),
        (
            "times = 0.90",
            "tmes = 0.90",
            "60: virtual_cohort.arm.1.effect.0.tmes: unknown key (did you mean "
            "`virtual_cohort.arm.1.effect.0.times`?); "
            "expected one of parameter, times, cv, source",
        ),
        ("draws = 400", 'draws = "x"', f"12: theophylline.draws: found 'x'; {WHOLE}"),
        ("draws = 400", "draws = true", f"12: theophylline.draws: found true; {WHOLE}"),
        ("draws = 400", "draws = 0", f"12: theophylline.draws: found 0; {WHOLE}"),
        ("draws = 400", "draws = [1, 2]", f"12: theophylline.draws: found a list of 2; {WHOLE}"),
        ("level = 0.9", "level = 1.0", f"11: theophylline.level: found 1.0; {LEVEL}"),
        ("level = 0.9", "level = nan", f"11: theophylline.level: found nan; {LEVEL}"),
        ('horizon = "48 h"', "horizon = 48", f"15: theophylline.horizon: 48 has no unit; {TIME}"),
        ('horizon = "48 h"', 'horizon = "48"', f"15: theophylline.horizon: '48' has no unit; {TIME}"),
        ('horizon = "48 h"', 'horizon = "48 mg"', f"15: theophylline.horizon: '48 mg' is in mg; {TIME}"),
        ('horizon = "48 h"', 'horizon = "-48 h"', f"15: theophylline.horizon: '-48 h' is negative; {TIME}"),
        ('horizon = "48 h"', 'horizon = "0 h"', f"15: theophylline.horizon: '0 h' is zero; {TIME}"),
        (
            'dose = "200 mg"',
            'dose = "-200 mg"',
            f"19: theophylline.regimen.0.dose: '-200 mg' is negative; {MASS}",
        ),
        ('dose = "200 mg"', 'dose = "200 mL"', f"19: theophylline.regimen.0.dose: '200 mL' is in mL; {MASS}"),
        (
            'dose = "200 mg"\n',
            "",
            "17: theophylline.regimen.0: '200 mg every 6 h' gives every; expected either dose and every, "
            "or times and doses",
        ),
        (
            'every = "6 h"',
            'every = "1 ms"',
            "20: theophylline.regimen.0.every: 172800000 doses before the horizon; expected at most 10000 "
            "doses",
        ),
        (
            '["10 mg/L", "20 mg/L"]',
            '["30 mg/L", "20 mg/L"]',
            f"14: theophylline.window: 30 mg/L is not below 20 mg/L; {WINDOW}",
        ),
        ('["10 mg/L", "20 mg/L"]', '["30 mg/L"]', f"14: theophylline.window: found a list of 1; {WINDOW}"),
        (
            '"20 mg/L"',
            "20",
            '14: theophylline.window.1: 20 has no unit; expected a concentration with a unit, such as "10 '
            'mg/L"',
        ),
        (
            'name = "400 mg every 12 h"',
            'name = "200 mg every 6 h"',
            "28: theophylline.regimen.2.name: '200 mg every 6 h' stands twice; expected each name once",
        ),
        ("seed = 20261123\n", "", " seed: missing; expected a whole number from 0 to 4294967295"),
        ("[fsigt]", "[fsigt", "33: not TOML: "),
        (
            'parameter = "pacemaker.rate"',
            'parameter = "pacemaker"',
            "59: virtual_cohort.arm.1.effect.0.parameter: found 'pacemaker'; expected the address of a "
            "parameter, such as "
            "systemic_bed.resistance",
        ),
    ],
)
def test_complaints_about_the_demo(tmp_path, old, new, message):
    assert old in DEMO_TEXT
    found = _complaint(tmp_path, DEMO_TEXT.replace(old, new, 1))
    assert found.startswith(f"s.toml:{message}") if message.endswith(" ") else found == f"s.toml:{message}"


REGIMEN = HEAD + '[[theophylline.regimen]]\nname = "r"\ntimes = %s\ndoses = %s\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD, "s.toml: no study; expected at least one of [theophylline], [fsigt], [virtual_cohort]"),
        (
            HEAD + "[theophylline]\n",
            "s.toml:3: theophylline.regimen: missing; expected at least one [[theophylline.regimen]]",
        ),
        (
            HEAD + "[theophylline]\nregimen = []\n",
            "s.toml:4: theophylline.regimen: found an empty list; expected at least one "
            "[[theophylline.regimen]]",
        ),
        (HEAD + "fsigt = 3\n", "s.toml:3: fsigt: found 3; expected a table [fsigt]"),
        ("[" * 5000, "s.toml:1: not TOML: "),
        (HEAD + "x = " + "[" * 5000, "s.toml: nested too deeply; expected a scenario in TOML"),
        (
            REGIMEN % ('["0 h", "2 h", "1 h"]', '["1 mg", "1 mg", "1 mg"]'),
            "s.toml:5: theophylline.regimen.0.times.2: '1 h' comes before '2 h'; expected rising times, "
            "each once",
        ),
        (
            REGIMEN % ('["0 h", "60 min", "1 h"]', '["1 mg", "1 mg", "1 mg"]'),
            "s.toml:5: theophylline.regimen.0.times.2: '1 h' repeats '60 min'; expected rising times, each "
            "once",
        ),
        (
            REGIMEN % ('["-1 h"]', '["1 mg"]'),
            f"s.toml:5: theophylline.regimen.0.times.0: '-1 h' is negative; {TIME}",
        ),
        (
            REGIMEN % ('["48 h"]', '["1 mg"]'),
            "s.toml:5: theophylline.regimen.0.times.0: '48 h' is not before the horizon; expected a time "
            "below 48 h",
        ),
        (
            REGIMEN % ('["0 h"]', '["1 mg", "1 mg"]'),
            "s.toml:6: theophylline.regimen.0.doses: 1 times and 2 doses; expected one dose for each time",
        ),
        (
            REGIMEN % ("[]", "[]"),
            "s.toml:5: theophylline.regimen.0.times: found an empty list; expected a list of rising times "
            "with units, "
            'such as ["0 h", "6 h"]',
        ),
    ],
)
def test_complaints(tmp_path, text, message):
    found = _complaint(tmp_path, text)
    assert found.startswith(message) if message.endswith(" ") else found == message


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "theophylline.horizon=24",
            f"--set theophylline.horizon: theophylline.horizon: 24 has no unit; {TIME}",
        ),
        (
            "theophylline.horzon=24 h",
            "--set theophylline.horzon: theophylline.horzon: unknown key (did you mean "
            "`theophylline.horizon`?); " + FIELDS,
        ),
        (
            "theophylline.regimen.9.dose=1 mg",
            "--set theophylline.regimen.9.dose: there is no `theophylline.regimen.9` in s.toml",
        ),
        ("fsigt", "--set fsigt: no '='; expected key.path=value"),
    ],
)
def test_complaints_about_overrides(tmp_path, override, message):
    assert _complaint(tmp_path, DEMO_TEXT, override) == message


def test_bytes_that_are_not_text(tmp_path):
    (tmp_path / "s.toml").write_bytes(b'name = "\xff"')
    with pytest.raises(InputError, match="byte 8 is not UTF-8; expected TOML in UTF-8"):
        scenario.load(tmp_path / "s.toml")


@pytest.mark.parametrize(
    "text",
    [
        DEMO_TEXT.replace("draws", "drows", 1),
        DEMO_TEXT.replace("draws = 400", 'draws = "x"', 1),
        DEMO_TEXT.replace('"48 h"', "48", 1),
        "name = ",
    ],
)
def test_exit_2_before_jax_and_nothing_written(environment, tmp_path, text):
    place = tmp_path / "place"
    place.mkdir()
    (tmp_path / "bad.toml").write_text(text)
    code = (
        "import sys, atexit\n"
        "atexit.register(lambda: print('jax' in sys.modules, file=sys.stderr))\n"
        "from experiments.cli import main\nmain(['run', sys.argv[1]])"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "bad.toml")]
    ended = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, timeout=60)
    lines = ended.stderr.strip().splitlines()
    assert ended.returncode == 2
    assert len(lines) == 2 and lines[0].startswith(f"error: {tmp_path / 'bad.toml'}:") and lines[1] == "False"
    assert not os.listdir(place)


def test_wrong_dimension_exits_2_and_writes_nothing(somagrad, tmp_path):
    (tmp_path / "bad.toml").write_text(DEMO_TEXT.replace('"48 h"', '"48 mg"', 1))
    ended = somagrad("run", tmp_path / "bad.toml")
    assert ended.returncode == 2 and len(ended.stderr.strip().splitlines()) == 1
    assert "theophylline.horizon: '48 mg' is in mg" in ended.stderr
    assert not os.listdir(somagrad.place)
