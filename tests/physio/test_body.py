"""What a body makes of its parts: rows of state, flows in balance, equal parts together, larger bodies."""

import jax.numpy as jnp
import numpy as np
import pytest

from physio.body import Body, total
from physio.component import placed
from physio.priors import LogNormal
from physio.system import System
from physio.vessels.bed import InertialBed, ResistiveBed
from physio.vessels.vessel import Vessel
from physio.wiring import times

PIPE = {"pipe": ("left.blood", "right.blood")}
VALUES = {"left.compliance": 4.0, "right.compliance": 2.0, "pipe.resistance": 3.0}


def built(parts=None, flows=None, **wires):
    """Two vessels joined by a pipe, and more."""
    joined = {"left": Vessel(), "right": Vessel(), "pipe": ResistiveBed()} | (parts or {})
    return Body(joined, time="s", flows=PIPE | (flows or {}), **wires)


def test_rows_and_outputs():
    system = System.of(built().with_values(VALUES), 1)
    assert system.state_names == ("left.volume", "right.volume")
    assert system.output_names == ("left.pressure", "right.pressure", "pipe.flow")
    assert system.dose_channels == ("left.blood", "right.blood")
    env, _ = System.of(built().with_values(VALUES), 1).evaluate(jnp.zeros(1), jnp.asarray([[20.0], [4.0]]), {})
    assert {a: float(v[0]) for a, v in env.items()} == {
        "left.pressure": 5.0,
        "right.pressure": 2.0,
        "pipe.flow": 1.0,
    }


def test_units_by_address():
    body = built()
    assert body.unit_of("pipe.resistance") == "mmHg*s/mL" and body.unit_of("pipe.flow") == "mL/s"
    assert body.unit_of("left.volume") == "mL" and body.unit_of("left.pressure") == "mmHg"


def test_every_flow_leaves_one_store_and_enters_another():
    body = built({"back": ResistiveBed()}, {"back": ("right.blood", "left.blood")}).with_values(VALUES)
    rate = System.of(body, 1).field(jnp.zeros(1), jnp.asarray([[31.0], [7.0]]), {}, {})
    assert float(rate[0, 0]) != 0.0 and float(rate.sum()) == 0.0


def test_equal_parts_are_evaluated_together():
    flows = {"back": ("right.blood", "left.blood"), "heavy": ("left.blood", "right.blood")}
    body = built({"back": ResistiveBed(), "heavy": InertialBed()}, flows)
    assert [group.names for group in body.wiring.order] == [("left", "right")]
    assert [group.names for group in body.wiring.links] == [("pipe", "back"), ("heavy",)]


def test_start_and_total_replace_rest():
    prior = LogNormal(50.0, cv=0.1)
    whole = total("blood", "mL", prior, absorbs="right.volume", source="test")
    body = built(start={"left.volume": 12.0}, totals={"blood": whole})
    np.testing.assert_array_equal(System.of(body, 2).rest(), [[12.0, 12.0], [38.0, 38.0]])
    assert body.parameters["total.blood"].prior == prior and body.unit_of("total.blood") == "mL"
    more = body.with_values({"total.blood": jnp.asarray([60.0, 70.0])})
    np.testing.assert_array_equal(System.of(more, 2).rest()[1], [48.0, 58.0])


def test_lanes_share_or_own_their_numbers():
    body = built().with_values(VALUES | {"pipe.resistance": jnp.asarray([1.0, 3.0, 6.0])})
    env, _ = System.of(body, 3).evaluate(jnp.zeros(3), jnp.asarray([[20.0] * 3, [4.0] * 3]), {})
    np.testing.assert_allclose(env["pipe.flow"], [3.0, 1.0, 0.5])
    with pytest.raises(ValueError, match="fits neither one person nor 2 lanes"):
        System.of(body, 2)


def test_a_driven_parameter_is_multiplied():
    body = built(
        inputs={"tone": "1"}, drive={"pipe.resistance": times("input.tone", "input.tone")}
    ).with_values(VALUES)
    env, _ = System.of(body, 1).evaluate(
        jnp.zeros(1), jnp.asarray([[20.0], [4.0]]), {"tone": jnp.asarray([2.0])}
    )
    assert float(env["pipe.flow"][0]) == 0.25


def test_a_larger_body_keeps_values_and_priors():
    narrow = LogNormal(3.0, cv=0.01)
    body = built({"pipe": placed(ResistiveBed, source="here", resistance=narrow)}).with_values(
        {"left.compliance": 4.0}
    )
    larger = body.wired({"back": ResistiveBed()}, flows={"back": ("right.blood", "left.blood")})
    assert larger.parameters["pipe.resistance"].prior == narrow
    assert float(larger.value("left.compliance")) == 4.0 and float(larger.value("pipe.resistance")) == 3.0
    assert dict(larger.wiring.flows).keys() == {"pipe", "back"}
