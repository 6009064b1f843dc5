"""What a body refuses when built, and what it says: both ends, both units, the factor, the nearest name."""

import equinox as eqx
import pytest

from physio.body import Body, total
from physio.component import AbstractController, AbstractLink, Scalar, parameter, placed, port
from physio.priors import LogNormal
from physio.system import System
from physio.units import UnitError, as_quantity
from physio.vessels.bed import ResistiveBed
from physio.vessels.vessel import Vessel
from physio.wiring import WiringError, times

RESISTANCE = LogNormal(1.0, cv=0.2)


class Litres(AbstractLink):
    """The same, in L/min."""

    carries = "L/min"
    resistance: Scalar = parameter("mmHg*min/L", RESISTANCE, source="test")

    class Up(eqx.Module):
        pressure: Scalar = port("mmHg")

    def flow(self, t, up, down):
        return up.pressure / self.resistance


class Kilopascals(AbstractLink):
    """Reads kPa."""

    carries = "mL/s"
    resistance: Scalar = parameter("kPa*s/mL", RESISTANCE, source="test")

    class Up(eqx.Module):
        pressure: Scalar = port("kPa")

    def flow(self, t, up, down):
        return up.pressure / self.resistance


class Thermometer(AbstractLink):
    """Reads what no vessel shows."""

    carries = "mL/s"
    conductance: Scalar = parameter("mL/s/K", RESISTANCE, source="test")

    class Down(eqx.Module):
        temperature: Scalar = port("K")

    def flow(self, t, up, down):
        return self.conductance * down.temperature


class Sensor(AbstractController):
    """A tone from a pressure."""

    gain: Scalar = parameter("1/mmHg", RESISTANCE, source="test")

    class Sensed(eqx.Module):
        pressure: Scalar = port("mmHg")

    class Outputs(eqx.Module):
        tone: Scalar = port("1")
        length: Scalar = port("s")

    def outputs(self, t, sensed):
        tone = self.gain * sensed.pressure
        return self.Outputs(tone=tone, length=tone * as_quantity(1.0, "s"))


class Echo(AbstractController):
    """A number from a number."""

    class Sensed(eqx.Module):
        value: Scalar = port("1")

    class Outputs(eqx.Module):
        value: Scalar = port("1")

    def outputs(self, t, sensed):
        return self.Outputs(value=2.0 * sensed.value)


class WrongPort(Vessel):
    """A port per minute into a state per second."""

    class Flows(eqx.Module):
        blood: Scalar = port("mL/min", fills="volume")


class LostPort(Vessel):
    """A port that fills a state which is not there."""

    class Flows(eqx.Module):
        blood: Scalar = port("mL/s", fills="volumes")


class WrongEquation(Vessel):
    """Pressure as volume times compliance."""

    def outputs(self, t, state, sensed):
        return self.Outputs(pressure=state.volume * self.compliance)


def built(**changes):
    """Two vessels joined by a pipe, with changes."""
    parts = {"left": Vessel(), "right": Vessel(), "pipe": ResistiveBed()} | changes.pop("parts", {})
    wires = {"time": "s", "flows": {"pipe": ("left.blood", "right.blood")}} | changes
    return Body(parts, **wires)


def refused(error=WiringError, **changes) -> str:
    """The one-line message with which a change is refused."""
    with pytest.raises(error) as caught:
        built(**changes)
    assert "\n" not in str(caught.value)
    return str(caught.value)


PIPE = {"pipe": ("left.blood", "right.blood")}
SENSOR = {"parts": {"sensor": Sensor()}}
SENSED = {"sensor.pressure": "left.pressure"}


def test_a_right_body_is_built():
    body = built(parts={"sensor": Sensor()}, senses=SENSED, drive={"pipe.resistance": times("sensor.tone")})
    assert body.parameters["pipe.resistance"].unit == "mmHg*s/mL"
    assert System.of(body, 1).state_names == ("left.volume", "right.volume")


WRONG = {
    "flow in another unit": (
        {"parts": {"out": Litres()}, "flows": PIPE | {"out": ("left.blood", "right.blood")}},
        ["'out'", "'left.blood'", "L/min", "mL/s", "16.6667"],
    ),
    "output in another unit": (
        {"parts": {"out": Kilopascals()}, "flows": PIPE | {"out": ("left.blood", "right.blood")}},
        ["'out'", "'left.pressure'", "mmHg", "kPa", "0.133322"],
    ),
    "output that no store shows": (
        {"parts": {"out": Thermometer()}, "flows": PIPE | {"out": ("left.blood", "right.blood")}},
        ["'temperature'", "'right'", "down by 'out'", "pressure"],
    ),
    "unknown link": (
        {"flows": PIPE | {"pip": ("left.blood", "right.blood")}},
        ["no link 'pip'", "did you mean 'pipe'?"],
    ),
    "unknown store": ({"flows": {"pipe": ("lefft.blood", "right.blood")}}, ["no store 'lefft'", "'left'?"]),
    "unknown port": (
        {"flows": {"pipe": ("left.bloods", "right.blood")}},
        ["flow port of 'left'", "'bloods'", "did you mean 'blood'?"],
    ),
    "no address": ({"flows": {"pipe": ("left", "right.blood")}}, ["'left' is not an address", "part.name"]),
    "unwired link": ({"flows": {}}, ["link 'pipe' is not wired", "flows={'pipe': ('up.port', 'down.port')}"]),
    "port that does not fill its state": (
        {"parts": {"left": WrongPort()}},
        ["'left.blood'", "'volume'", "mL/min", "(mL)/(s)", "0.0166667"],
    ),
    "port that fills nothing": ({"parts": {"left": LostPort()}}, ["'left.blood'", "'volumes'", "'volume'?"]),
    "unwired sensed port": (
        SENSOR,
        ["'sensor.pressure' [mmHg] senses nothing", "senses={'sensor.pressure': 'part.output'}"],
    ),
    "unknown sensed port": (
        SENSOR | {"senses": SENSED | {"sensor.presure": "left.pressure"}},
        ["no sensed port 'sensor.presure'", "'sensor.pressure'?"],
    ),
    "unknown output": (
        SENSOR | {"senses": {"sensor.pressure": "left.presure"}},
        ["no output 'left.presure'", "'left.pressure'?"],
    ),
    "sensed in another unit": (
        SENSOR | {"senses": {"sensor.pressure": "input.cuff"}, "inputs": {"cuff": "kPa"}},
        ["'sensor.pressure'", "'input.cuff'", "kPa", "mmHg", "7.50062"],
    ),
    "sensed in another dimension": (
        SENSOR | {"senses": {"sensor.pressure": "sensor.length"}},
        ["'sensor.length'", "s does not fit mmHg", "different things"],
    ),
    "driven by what has a unit": (
        SENSOR | {"senses": SENSED, "drive": {"pipe.resistance": times("sensor.length")}},
        ["'pipe.resistance'", "'sensor.length'", "s does not fit 1"],
    ),
    "unknown driven parameter": (
        SENSOR | {"senses": SENSED, "drive": {"pipe.resistence": times("sensor.tone")}},
        ["no parameter 'pipe.resistence'", "'pipe.resistance'?"],
    ),
    "driven by nothing known": (
        {"drive": {"pipe.resistance": times("sensor.tone")}},
        ["no output 'sensor.tone'", "left.pressure"],
    ),
    "loop of outputs": (
        {
            "parts": {"one": Echo(), "two": Echo()},
            "senses": {"one.value": "two.value", "two.value": "one.value"},
        },
        ["loop", "one waits for two", "two waits for one"],
    ),
    "loop through a driven parameter": (
        SENSOR | {"senses": SENSED, "drive": {"left.compliance": times("sensor.tone")}},
        ["loop", "left waits for sensor", "sensor waits for left"],
    ),
    "unknown state at the start": (
        {"start": {"left.volum": 1.0}},
        ["no state 'left.volum'", "'left.volume'?"],
    ),
    "unknown state of a total": (
        {
            "totals": {
                "blood": total("blood", "mL", LogNormal(40.0, cv=0.1), absorbs="lef.volume", source="test")
            }
        },
        ["no state filled by a 'blood' port 'lef.volume'", "'left.volume'?"],
    ),
    "clock without seconds": (
        SENSOR | {"senses": SENSED, "clock": "sensor.tone"},
        ["clock 'sensor.tone'", "1 does not fit s"],
    ),
    "clock of an unknown part": ({"clock": "pacemaker.period"}, ["no output 'pacemaker.period'"]),
    "clock of an unknown output": (
        SENSOR | {"senses": SENSED, "clock": "sensor.lenght"},
        ["'sensor.length'?"],
    ),
    "total in another unit": (
        {
            "totals": {
                "blood": total("blood", "L", LogNormal(0.04, cv=0.1), absorbs="left.volume", source="test")
            }
        },
        ["total 'blood'", "'left.volume'", "mL does not fit L", "0.001"],
    ),
    "total of an unknown port": (
        {
            "totals": {
                "blood": total("blod", "mL", LogNormal(40.0, cv=0.1), absorbs="left.volume", source="test")
            }
        },
        ["'blod'", "'blood'?"],
    ),
}


@pytest.mark.parametrize(("changes", "says"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_wire_is_refused(changes, says):
    message = refused(**changes)
    for words in says:
        assert words in message


def test_a_wrong_equation_is_refused():
    message = refused(UnitError, parts={"left": WrongEquation()})
    for words in ("WrongEquation.outputs (part 'left')", "test_wiring.py:", "mL^2/mmHg", "mmHg"):
        assert words in message


def test_unknown_parameter_names_the_nearest():
    with pytest.raises(WiringError, match="no parameter 'pipe.resistanse'; did you mean 'pipe.resistance'?"):
        built().with_values({"pipe.resistanse": 2.0})
    with pytest.raises(WiringError, match="no parameter 'pip.resistance'"):
        built().value("pip.resistance")
    with pytest.raises(ValueError, match="ResistiveBed has no parameter 'resist'; it has resistance"):
        placed(ResistiveBed, source="test", resist=RESISTANCE)
