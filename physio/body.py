"""A body: named parts joined by wires.

    d(state)/dt of every part, with each flow added to one store and taken from another, so that what a store
    loses another gains and the sum over all stores is constant.

``Body`` holds numbers (parts, totals) and a static ``Wiring``; ``physio.system.System`` evaluates it. Addresses
are ``part.name``: ``"arteries.compliance"``, ``"arteries.pressure"``, ``"total.blood"``.
"""

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array

from physio import wiring as w
from physio.component import (
    LINKS,
    AbstractEventPart,
    AbstractPart,
    ParameterInfo,
    Placed,
    as_float,
    carried_by,
    parameters_of,
    units_of,
)
from physio.part_check import check_part
from physio.priors import AbstractPrior


def total(port: str, unit_text: str, prior: AbstractPrior, *, absorbs: str, source: str) -> w.TotalInfo:
    """A conserved total over all stores with this port, such as the blood volume of a person."""
    return w.TotalInfo(unit_text, port, absorbs, ParameterInfo(unit_text, prior, source))


class Body(eqx.Module):
    """Parts and wires of one person (or, with a trailing lane axis on every number, of many).

    ``parts``   name -> part, or ``placed(...)`` where the place in the body decides the priors
    ``flows``   link name -> (port it leaves, port it enters)
    ``senses``  sensed port -> output or ``input.name``
    ``drive``   parameter -> ``times(signal, ...)``; the only way anything acts on an organ
    ``inputs``  name -> unit of signals that a schedule switches on and off
    ``time``    unit of the body's clock; ``clock`` names an output in seconds per unit of a phase, so that beats
                are integrated in phase
    ``start``   state address -> initial value that replaces ``rest()``
    ``totals``  name -> ``total(...)``
    """

    parts: dict[str, AbstractPart]
    totals: dict[str, Array]
    wiring: w.Wiring = eqx.field(static=True)

    def __init__(
        self,
        parts: Mapping[str, AbstractPart | Placed],
        *,
        time: str,
        flows: Mapping[str, tuple[str, str]] | None = None,
        senses: Mapping[str, str] | None = None,
        drive: Mapping[str, w.Times] | None = None,
        inputs: Mapping[str, str] | None = None,
        start: Mapping[str, float] | None = None,
        totals: Mapping[str, w.TotalInfo] | None = None,
        clock: str | None = None,
    ):
        plain, info = {}, {}
        for name, entry in parts.items():
            plain[name] = entry.part if isinstance(entry, Placed) else entry
            here = parameters_of(plain[name]) | dict(entry.info if isinstance(entry, Placed) else ())
            info |= {f"{name}.{field}": known for field, known in here.items()}
        flows, senses, drive = dict(flows or {}), dict(senses or {}), dict(drive or {})
        inputs, start, totals = dict(inputs or {}), dict(start or {}), dict(totals or {})
        w.check_ports(plain)
        for name, part in plain.items():
            check_part(part, name)
        w.check_flows(plain, flows)
        w.check_senses(plain, senses, inputs)
        w.check_drive(plain, drive, inputs)
        states = {f"{n}.{f.name}" for n, p in plain.items() for f in carried_by(type(p))}
        for address in start:
            if address not in states:
                raise w.unknown("state", address, states)
        w.check_totals(plain, totals)
        w.check_clock(plain, clock)
        w.check_roles(plain)
        info |= {f"total.{name}": t.info for name, t in totals.items()}
        self.parts = plain
        self.totals = {name: as_float(t.info.prior.median) for name, t in totals.items()}
        self.wiring = w.Wiring(
            time=time,
            clock=clock,
            flows=tuple(flows.items()),
            senses=tuple(senses.items()),
            drive=tuple(drive.items()),
            inputs=tuple(inputs.items()),
            start=tuple(start.items()),
            totals=tuple(totals.items()),
            order=w.evaluation_order(plain, senses, drive),
            links=w.link_groups(plain),
            info=tuple(info.items()),
        )

    @property
    def parameters(self) -> dict[str, ParameterInfo]:
        """Address -> unit, prior and source of every parameter."""
        return dict(self.wiring.info)

    def value(self, address: str) -> Array:
        """The number at a parameter's address."""
        self._require(address)
        name, field = w.split(address)
        return self.totals[field] if name == "total" else getattr(self.parts[name], field)

    def unit_of(self, address: str) -> str:
        """Unit of a parameter, state, output, event or flow."""
        table = {a: info.unit for a, info in self.wiring.info}
        for name, part in self.parts.items():
            table |= {f"{name}.{f.name}": f.metadata["unit"] for f in carried_by(type(part))}
            table |= {f"{name}.{f}": u for f, u in units_of(part.Outputs).items()}
            if isinstance(part, AbstractEventPart):
                table |= {f"{name}.{f}": u for f, u in units_of(part.Events).items()}
            if isinstance(part, LINKS):
                table[f"{name}.flow"] = part.carries
        if address not in table:
            raise w.unknown("address", address, table)
        return table[address]

    def with_values(self, values: Mapping[str, Any]) -> "Body":
        """The same body with other numbers at these addresses (scalars, or arrays with lanes last)."""
        addresses = list(values)
        for address in addresses:
            self._require(address)

        def at(body):
            return [
                body.totals[f] if n == "total" else getattr(body.parts[n], f) for n, f in map(w.split, addresses)
            ]

        return eqx.tree_at(at, self, [as_float(values[a]) for a in addresses])

    def wired(self, parts: Mapping[str, AbstractPart | Placed], **wires: Any) -> "Body":
        """A larger body: this one with more parts and more wires, such as a drug that drives it."""
        old, info = self.wiring, self.parameters
        kept = {
            name: Placed(part, tuple((field, info[f"{name}.{field}"]) for field in parameters_of(part)))
            for name, part in self.parts.items()
        }
        larger = Body(
            {**kept, **parts},
            time=old.time,
            clock=old.clock,
            flows={**dict(old.flows), **wires.get("flows", {})},
            senses={**dict(old.senses), **wires.get("senses", {})},
            drive={**dict(old.drive), **wires.get("drive", {})},
            inputs={**dict(old.inputs), **wires.get("inputs", {})},
            start={**dict(old.start), **wires.get("start", {})},
            totals={**dict(old.totals), **wires.get("totals", {})},
        )
        return eqx.tree_at(lambda b: b.totals, larger, {**larger.totals, **self.totals})

    def _require(self, address: str) -> None:
        if address not in dict(self.wiring.info):
            raise w.unknown("parameter", address, dict(self.wiring.info))


def lanes_of(body: Body, lanes: int) -> Body:
    """The body with every number broadcast to ``(..., lanes)``: shared numbers are repeated, own ones kept."""

    def widen(x, base):
        if x.ndim == base:
            return jnp.broadcast_to(x[..., None], (*x.shape, lanes))
        if x.ndim == base + 1 and x.shape[-1] == lanes:
            return x
        raise ValueError(f"a number of shape {x.shape} fits neither one person nor {lanes} lanes (lanes go last)")

    parts = {}
    for name, part in body.parts.items():
        fields = w.fields_of(type(part))
        parts[name] = eqx.tree_at(
            lambda p, fs=fields: [getattr(p, f.name) for f in fs],
            part,
            [widen(getattr(part, f.name), f.metadata["ndim"]) for f in fields],
        ) if fields else part
    totals = {name: widen(x, 0) for name, x in body.totals.items()}
    return eqx.tree_at(lambda b: (b.parts, b.totals), body, (parts, totals))
