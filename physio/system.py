"""Evaluates a body for lanes of people: the right-hand side that every solver integrates.

    dy/dtau = rates(tau, y) * (units of the part's time per unit of the body's clock)

Everything here has **lanes last**: y is (states, lanes), a group of k equal parts has parameters (k, lanes).
Organ equations are written for one person; two nested ``vmap`` (lanes, then the equal parts) lift them without
moving an axis, so elementwise work stays on contiguous lanes.
"""

import itertools
from collections.abc import Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from physio.body import Body, lanes_of
from physio.component import (
    STATEFUL,
    AbstractBoundary,
    AbstractController,
    AbstractDosedStore,
    AbstractEventPart,
    AbstractImplicitPart,
    AbstractInertialLink,
    AbstractPart,
    AbstractStore,
    AbstractTriggeredPart,
    carried_by,
    fields_of,
)
from physio.fence import always_true, fence
from physio.signals import Signals
from physio.units import unit
from physio.wiring import Group, Wiring, split, state_names


def _signed(rows: Array, signs: list[int]) -> Array:
    """Rows with these signs; the rows of sign 0 are zero already."""
    if all(sign >= 0 for sign in signs):
        return rows
    if all(sign <= 0 for sign in signs):
        return -rows
    return rows * jnp.asarray(signs, rows.dtype)[:, None]


class System(eqx.Module):
    """A body made ready for a solve: equal parts stacked, row numbers fixed."""

    stacked: tuple[AbstractPart, ...]
    totals: dict[str, Array]
    wiring: Wiring = eqx.field(static=True)
    lanes: int = eqx.field(static=True)

    @classmethod
    def of(cls, body: Body, lanes: int) -> "System":
        """The body for this many lanes; its numbers are shared or carry the lanes last."""
        body, wiring = lanes_of(body, lanes), body.wiring
        stacked = tuple(
            jax.tree.map(lambda *x: jnp.stack(x), *[body.parts[n] for n in group.names])
            for group in wiring.order + wiring.links
        )
        return cls(stacked, body.totals, wiring, lanes)

    def narrowed(self, lanes: int) -> "System":
        """The same with arrays that are about to be cut to this many lanes."""
        return System(self.stacked, self.totals, self.wiring, lanes)

    @property
    def groups(self) -> tuple[Group, ...]:
        """Groups in order of evaluation, links last; ``stacked`` runs beside them."""
        return self.wiring.order + self.wiring.links

    @property
    def dtype(self) -> jnp.dtype:
        """Precision of the body's numbers, in which it is solved; float64 for a body without numbers."""
        numbers = jax.tree.leaves((self.stacked, self.totals))
        return jnp.result_type(*numbers) if numbers else jnp.dtype(jnp.float64)

    @property
    def state_names(self) -> tuple[str, ...]:
        """Addresses of the rows of y."""
        return state_names(self.wiring)

    @property
    def algebraic(self) -> np.ndarray:
        """(states,) whether a row of y is an implied variable, whose row of ``field`` is a residual."""
        states = {f"{n}.{f.name}" for g in self.groups for f in fields_of(g.cls.State) for n in g.names}
        return np.asarray([name not in states for name in self.state_names], dtype=bool)

    @property
    def gates(self) -> np.ndarray:
        """(states,) whether a row of y was declared a gate."""
        declared = {
            f"{n}.{f.name}" for g in self.groups for f in fields_of(g.cls.State) for n in g.names if f.metadata["gate"]
        }
        return np.asarray([name in declared for name in self.state_names], dtype=bool)

    @property
    def triggered(self) -> tuple[str, ...]:
        """Parts that jump by themselves, in the order of ``crossings``."""
        return tuple(n for g in self.wiring.order if issubclass(g.cls, AbstractTriggeredPart) for n in g.names)

    @property
    def output_names(self) -> tuple[str, ...]:
        """Addresses of everything that ``evaluate`` shows: inputs, outputs and flows."""
        shown = [f"{n}.{f.name}" for g in self.wiring.order for f in fields_of(g.cls.Outputs) for n in g.names]
        flows = [f"{n}.flow" for g in self.wiring.links for n in g.names]
        return (*(f"input.{name}" for name, _ in self.wiring.inputs), *shown, *flows)

    @property
    def dose_channels(self) -> tuple[str, ...]:
        """Flow ports that a schedule may fill, as addresses."""
        return tuple(
            f"{n}.{f.name}"
            for g in self.wiring.order
            if issubclass(g.cls, AbstractStore)
            for f in fields_of(g.cls.Flows)
            for n in g.names
        )

    @property
    def event_channels(self) -> tuple[str, ...]:
        """Events that a schedule may send to a part, as addresses."""
        groups = [g for g in self.wiring.order if issubclass(g.cls, AbstractEventPart)]
        return tuple(f"{n}.{f.name}" for g in groups for f in fields_of(g.cls.Events) for n in g.names)

    def filled_row(self, channel: str) -> int:
        """Row of y that a dose into this port fills."""
        name, port = split(channel)
        group = next(g for g in self.wiring.order if name in g.names)
        fills = next(f.metadata["fills"] for f in fields_of(group.cls.Flows) if f.name == port)
        return self.state_names.index(f"{name}.{fills}")

    def receive(self, channel: str, amount: Array) -> tuple[Array, Array]:
        """``(amount that arrives, delay on the body's clock)`` of doses of shape (..., lanes) into a port."""
        name, _ = split(channel)
        index = next(i for i, g in enumerate(self.wiring.order) if name in g.names)
        group = self.wiring.order[index]
        if not issubclass(group.cls, AbstractDosedStore):
            return amount, jnp.zeros_like(amount)
        member = group.names.index(name)
        part = jax.tree.map(lambda x: x[member], self.stacked[index])
        one = jax.vmap(lambda p, a: p.receive(a), in_axes=-1, out_axes=-1)
        arrives, delay = jax.vmap(lambda a: one(part, a))(jnp.atleast_2d(amount))
        factor = unit(group.cls.time_unit).factor_to(unit(self.wiring.time))
        return arrives.reshape(amount.shape), factor * delay.reshape(amount.shape)

    def rest(self) -> Array:
        """Initial state (states, lanes): ``rest()`` of each part, ``start`` overrides, totals absorbed."""
        rows = []
        for group, part in zip(self.groups, self.stacked, strict=True):
            if issubclass(group.cls, STATEFUL):
                state = self._lift(group, lambda p: p.rest(), part)
                rows += [jnp.asarray(getattr(state, f.name)) for f in fields_of(group.cls.State)]
            if issubclass(group.cls, AbstractImplicitPart):
                guess = self._lift(group, lambda p: p.guess(), part)
                rows += [jnp.asarray(getattr(guess, f.name)) for f in fields_of(group.cls.Implied)]
        y = jnp.concatenate(rows).astype(self.dtype) if rows else jnp.zeros((0, self.lanes), self.dtype)
        names = self.state_names
        for address, value in self.wiring.start:
            y = y.at[names.index(address)].set(jnp.asarray(value, y.dtype))
        for name, total in self.wiring.totals:
            members = self.conserved_rows(total.port)
            row = names.index(total.absorbs)
            others = jnp.asarray([m for m in members if m != row])
            y = y.at[row].set(self.totals[name] - y[others].sum(0))
        return y

    def conserved_rows(self, port: str) -> list[int]:
        """Rows of y filled by ports of this name: their sum is conserved."""
        return [self.filled_row(c) for c in self.dose_channels if split(c)[1] == port]

    def boundary_rows(self) -> list[int]:
        """Rows of y that only fill."""
        boundary = {n for g in self.wiring.order if issubclass(g.cls, AbstractBoundary) for n in g.names}
        return [row for row, address in enumerate(self.state_names) if split(address)[0] in boundary]

    def clock_scale(self, tau: Array, env: Signals) -> Array | float:
        """Seconds per unit of the body's clock when beats are integrated in phase."""
        return env[self.wiring.clock] if self.wiring.clock else 1.0

    def evaluate(self, tau: Array, y: Array, inputs: Mapping[str, Array]):
        """All outputs and flows at one instant, and per group what the rates need.

        ``tau`` (lanes,), ``y`` (states, lanes), ``inputs`` name -> (lanes,). Returns (address -> (lanes,), pieces).
        """
        always = always_true(tau)
        env = Signals(self.lanes, self.dtype)
        for name, value in inputs.items():
            env.add([f"input.{name}"], value[None])
        senses, drive = dict(self.wiring.senses), dict(self.wiring.drive)
        # what several others read is computed once
        watched = self.wiring.watched
        pieces, row = [], 0
        for group, part in zip(self.wiring.order, self.stacked, strict=False):
            part = self._driven(group, part, drive, env)
            state, row = self._state(group, y, row)
            sensed = self._sensed(group, senses, env)
            t = self._part_time(group, tau, env)
            if issubclass(group.cls, AbstractController):
                out = self._lift(group, lambda p, t, se: p.outputs(t, se), part, t, sensed)
            elif issubclass(group.cls, AbstractImplicitPart):
                out = self._lift(group, lambda p, t, s, se: p.outputs(t, *s, se), part, t, state, sensed)
            else:
                out = self._lift(group, lambda p, t, s, se: p.outputs(t, s, se), part, t, state, sensed)
            if watched.intersection(group.names):
                out = fence(out, always)
            for f in fields_of(group.cls.Outputs):
                env.add([f"{n}.{f.name}" for n in group.names], getattr(out, f.name))
            pieces.append((group, part, t, state, sensed, out))
        # outputs are all known now: rates see everything
        pieces = [(g, part, t, state, self._sensed(g, senses, env), out) for g, part, t, state, _, out in pieces]
        flows = dict(self.wiring.flows)
        for group, part in zip(self.wiring.links, self.stacked[len(self.wiring.order) :], strict=True):
            part = self._driven(group, part, drive, env)
            state, row = self._state(group, y, row)
            up, down = (
                reads(
                    **{
                        f.name: env.rows([f"{split(flows[n][end])[0]}.{f.name}" for n in group.names])
                        for f in fields_of(reads)
                    }
                )
                for end, reads in enumerate((group.cls.Up, group.cls.Down))
            )
            t = self._part_time(group, tau, env)
            if issubclass(group.cls, AbstractInertialLink):
                flow = self._lift(group, lambda p, t, s, u, d: p.flow(t, s, u, d), part, t, state, up, down)
            else:
                flow = self._lift(group, lambda p, t, u, d: p.flow(t, u, d), part, t, up, down)
            flow = fence(flow, always)
            env.add([f"{n}.flow" for n in group.names], flow)
            pieces.append((group, part, t, state, up, down))
        return env, pieces

    def field(self, tau: Array, y: Array, doses: Mapping[str, Array], inputs: Mapping[str, Array]) -> Array:
        """dy/dtau (states, lanes), and residuals in the rows of implied variables.

        ``doses``: port address -> rate on the body's clock (lanes,).
        """
        env, pieces = self.evaluate(tau, y, inputs)
        pace = self.clock_scale(tau, env)
        rows = []
        for group, part, t, state, first, second in pieces:
            if not issubclass(group.cls, STATEFUL):
                continue
            scale = pace * self._rate_factor(group)
            if issubclass(group.cls, AbstractStore):
                net = self._net(group, env, doses, scale)
                rate = self._lift(group, lambda p, t, s, se, n, o: p.rates(t, s, se, n, o), part, t, state, first, net, second)
            elif issubclass(group.cls, AbstractInertialLink):
                rate = self._lift(group, lambda p, t, s, u, d: p.rates(t, s, u, d), part, t, state, first, second)
            elif issubclass(group.cls, AbstractImplicitPart):
                rate = self._lift(group, lambda p, t, s, se, o: p.rates(t, *s, se, o), part, t, state, first, second)
            else:
                rate = self._lift(group, lambda p, t, s, se, o: p.rates(t, s, se, o), part, t, state, first, second)
            rows += [scale * getattr(rate, f.name) for f in fields_of(group.cls.State)]
            if issubclass(group.cls, AbstractImplicitPart):
                off = self._lift(group, lambda p, t, s, se, o: p.residual(t, *s, se, o), part, t, state, first, second)
                rows += [jnp.asarray(getattr(off, f.name)) for f in fields_of(group.cls.Balance)]
        return jnp.concatenate(rows).astype(y.dtype)

    def crossings(self, tau: Array, y: Array, inputs: Mapping[str, Array]) -> Array:
        """(triggers, lanes): each part in ``triggered`` jumps when its row rises through zero."""
        rows = [jnp.zeros((0, self.lanes), y.dtype)]
        for group, part, t, state, sensed, _ in self.evaluate(tau, y, inputs)[1]:
            if issubclass(group.cls, AbstractTriggeredPart):
                rows.append(self._lift(group, lambda p, t, s, se: p.crossing(t, s, se), part, t, state, sensed))
        return jnp.concatenate(rows)

    def jumped(self, tau: Array, y: Array, inputs: Mapping[str, Array], fired: Array) -> Array:
        """y after the jumps of the triggers in ``fired`` (triggers, lanes)."""
        begin, names = 0, self.state_names
        for group, part, t, state, sensed, _ in self.evaluate(tau, y, inputs)[1]:
            if issubclass(group.cls, AbstractTriggeredPart):
                new = self._lift(group, lambda p, t, s, se: p.jump(t, s, se), part, t, state, sensed)
                mine = fired[begin : begin + len(group.names)]
                begin += len(group.names)
                for f in fields_of(group.cls.State):
                    rows = jnp.asarray([names.index(f"{n}.{f.name}") for n in group.names])
                    y = y.at[rows].set(jnp.where(mine, getattr(new, f.name), y[rows]))
        return y

    def told(self, tau: Array, y: Array, inputs: Mapping[str, Array], events: Mapping[str, Array]) -> Array:
        """y after the jumps of the parts to which an event is sent; ``events``: channel -> amount (lanes,), 0 where none."""
        names, silent = self.state_names, jnp.zeros((self.lanes,), y.dtype)
        for group, part, t, state, sensed, _ in self.evaluate(tau, y, inputs)[1]:
            if issubclass(group.cls, AbstractEventPart):
                fields = [f.name for f in fields_of(group.cls.Events)]
                amounts = {f: jnp.stack([events.get(f"{n}.{f}", silent) for n in group.names]) for f in fields}
                event = group.cls.Events(**amounts)
                new = self._lift(group, lambda p, t, e, s, se: p.jump(t, e, s, se), part, t, event, state, sensed)
                mine = jnp.stack([amount != 0.0 for amount in amounts.values()]).any(axis=0)
                for f in fields_of(group.cls.State):
                    rows = jnp.asarray([names.index(f"{n}.{f.name}") for n in group.names])
                    y = y.at[rows].set(jnp.where(mine, getattr(new, f.name), y[rows]))
        return y

    def _lift(self, group: Group, equation, *args):
        """Apply one person's equation of one part to (k, lanes)."""
        k = len(group.names)
        each = jax.vmap(equation, axis_size=k)
        return jax.vmap(each, in_axes=-1, out_axes=-1, axis_size=self.lanes)(*args)

    def _net(self, group: Group, env: Signals, doses, scale):
        """Sum of flows into each port of a group, (k, lanes); a dose's rate is put on the part's clock."""
        ports = {}
        for f in fields_of(group.cls.Flows):
            addresses = [f"{n}.{f.name}" for n in group.names]
            wires = [
                [(f"{link}.flow", 2 * end - 1) for link, ends in self.wiring.flows for end in (0, 1) if ends[end] == a]
                for a in addresses
            ]
            # the first wire of every part at once, then the second, and so on
            turns = itertools.zip_longest(*wires, fillvalue=(None, 0))
            terms = [_signed(env.rows([w[0] for w in turn]), [w[1] for w in turn]) for turn in turns]
            if any(a in doses for a in addresses):
                silent = jnp.zeros((self.lanes,), self.dtype)
                terms.append(jnp.stack([doses.get(a, silent) for a in addresses]) / scale)
            ports[f.name] = sum(terms[1:], terms[0]) if terms else jnp.zeros((len(addresses), self.lanes), self.dtype)
        return group.cls.Flows(**ports)

    def _driven(self, group: Group, part, drive, env: Signals):
        """The group with driven parameters replaced by value times signals."""
        for field in {split(a)[1] for a in drive if split(a)[0] in group.names}:
            ones = jnp.ones((self.lanes,), self.dtype)
            factors = []
            for n in group.names:
                law = drive.get(f"{n}.{field}")
                factor = ones
                for signal in law.signals if law else ():
                    factor = factor * env[signal]
                factors.append(factor)
            part = eqx.tree_at(lambda p, f=field: getattr(p, f), part, getattr(part, field) * jnp.stack(factors))
        return part

    def _state(self, group: Group, y: Array, row: int):
        """The group's rows of y as a ``State``, as ``(State, Implied)`` for an implicit part, and the row after them."""
        if not issubclass(group.cls, STATEFUL):
            return None, row
        k, names = len(group.names), [f.name for f in carried_by(group.cls)]
        fields = {name: y[row + i * k : row + (i + 1) * k] for i, name in enumerate(names)}
        def made(cls):
            return cls(**{f.name: fields[f.name] for f in fields_of(cls)})

        both = (made(group.cls.State), made(group.cls.Implied)) if issubclass(group.cls, AbstractImplicitPart) else None
        return both or made(group.cls.State), row + k * len(names)

    def _sensed(self, group: Group, senses: Mapping[str, str], env: Signals):
        """What a group senses, each (k, lanes); zeros for outputs not known yet, which only rates read."""
        sources = {f.name: [senses[f"{n}.{f.name}"] for n in group.names] for f in fields_of(group.cls.Sensed)}
        return group.cls.Sensed(**{name: env.rows(addresses) for name, addresses in sources.items()})

    def _part_time(self, group: Group, tau: Array, env: Signals) -> Array:
        """The part's own t, (k, lanes): the body's clock in the part's unit; in a paced body, phase as it is."""
        own, clock = unit(group.cls.time_unit), unit(self.wiring.time)
        t = tau if own.same(clock) or not own.compatible(clock) else tau * clock.factor_to(own)
        return jnp.broadcast_to(t[None], (len(group.names), self.lanes))

    def _rate_factor(self, group: Group) -> float:
        """Units of the part's time per unit of the body's clock (per second in a paced body)."""
        clock = unit("s") if self.wiring.clock else unit(self.wiring.time)
        return clock.factor_to(unit(group.cls.time_unit))
