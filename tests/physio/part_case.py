"""Any part as a function of one vector: parameters, states, what comes in by ports, and time, in this order.

States are drawn around rest, scaled by 0.1 to 3; what comes in is drawn from the range that its unit
suggests.
"""

import jax
import jax.numpy as jnp
import numpy as np

from physio.component import (
    STATEFUL,
    AbstractController,
    AbstractDosedStore,
    AbstractEventPart,
    AbstractInertialLink,
    AbstractLink,
    AbstractPart,
    AbstractStore,
    cast,
    fields_of,
    parameters_of,
)
from physio.units import unit

LOW, HIGH = 0.01, 0.99
DRAWS = 24
# Range of what comes in, by unit; anything else lies between 0.1 and 100.
RANGES = {"mmHg": (-5.0, 150.0), "1": (0.0, 1.0), "s": (0.4, 1.5), "pA/pF": (-60.0, 0.0)}


def example(cls: type) -> AbstractPart:
    """The part at its priors' medians; what is measured becomes a number or a short ascending series."""
    known = {
        f.name: np.asarray([0.5, 2.0, 3.5, 6.0, 9.0, 15.0]) if f.metadata["ndim"] else 80.0
        for f in fields_of(cls)
        if f.metadata.get("kind") == "measured"
    }
    return cls(**known)


class Case:
    """A part as one function of one vector.

    ``names`` of the vector's entries, ``outcomes`` of the result's. ``function`` takes (entries,), ``mapped``
    (points, entries); ``slopes`` gives (points, outcomes, entries).
    """

    def __init__(self, cls: type):
        self.cls = cls
        self.part = example(cls)
        self.parameters = list(parameters_of(self.part))
        groups = {"state": cls.State, "sensed": cls.Sensed, "net": cls.Flows}
        if issubclass(cls, (AbstractLink, AbstractInertialLink)):
            groups |= {"up": cls.Up, "down": cls.Down}
        if issubclass(cls, AbstractEventPart):
            groups |= {"event": cls.Events}
        ports = [
            (group, f.name, f.metadata["unit"]) for group, ports in groups.items() for f in fields_of(ports)
        ]
        own = [("part", name, info.unit) for name, info in parameters_of(self.part).items()]
        extra = [("", "t", cls.time_unit)]
        if issubclass(cls, AbstractDosedStore):
            extra.append(("", "dose", "mg"))
        self.entries = [*own, *ports, *extra]
        self.names = [f"{group}.{name}" if group else name for group, name, _ in self.entries]
        self.groups = groups
        self.outcomes = list(self._values(jnp.ones((len(self.entries),))))
        self.function = jax.jit(lambda x: jnp.stack(list(self._values(x).values())))
        self.mapped = jax.jit(jax.vmap(self.function))
        self.slopes = jax.jit(jax.vmap(jax.jacfwd(self.function)))

    def part_at(self, x) -> AbstractPart:
        """The part with the parameters of a vector."""
        here = dict(zip(self.parameters, x, strict=False))
        rest = {f.name: getattr(self.part, f.name) for f in fields_of(self.cls) if f.name not in here}
        return self.cls(**here, **cast(rest, x.dtype))

    def _values(self, x) -> dict:
        """All that the methods of the part give."""
        part, cls = self.part_at(x), self.cls
        at = {key: x[i] for i, key in enumerate(self.names)}
        made = {
            group: ports(**{f.name: at[f"{group}.{f.name}"] for f in fields_of(ports)})
            for group, ports in self.groups.items()
        }
        t, state, sensed, net = at["t"], made["state"], made["sensed"], made["net"]
        found = {}

        def note(label, ports, values):
            found.update({f"{label}.{f.name}": getattr(values, f.name) for f in fields_of(ports)})

        if issubclass(cls, AbstractController):
            note("outputs", cls.Outputs, part.outputs(t, sensed))
        elif issubclass(cls, AbstractLink):
            found["flow"] = part.flow(t, made["up"], made["down"])
        elif issubclass(cls, AbstractInertialLink):
            found["flow"] = part.flow(t, state, made["up"], made["down"])
            note("rates", cls.State, part.rates(t, state, made["up"], made["down"]))
        else:
            out = part.outputs(t, state, sensed)
            note("outputs", cls.Outputs, out)
            arguments = (net, out) if issubclass(cls, AbstractStore) else (out,)
            note("rates", cls.State, part.rates(t, state, sensed, *arguments))
        if issubclass(cls, AbstractEventPart):
            note("jump", cls.State, part.jump(t, made["event"], state, sensed))
        if issubclass(cls, STATEFUL):
            note("rest", cls.State, part.rest())
        if issubclass(cls, AbstractDosedStore):
            found["receive.amount"], found["receive.delay"] = part.receive(at["dose"])
        return {key: jnp.asarray(value) for key, value in found.items()}

    def points(self) -> np.ndarray:
        """(points, entries): each parameter at the ends of its range, then joint draws; always the same."""
        rng = np.random.default_rng(2024)
        infos = parameters_of(self.part)
        rows = []
        for name in self.parameters:
            for p in (LOW, HIGH):
                rows.append({k: i.prior.quantile(p if k == name else 0.5) for k, i in infos.items()})
        for _ in range(DRAWS):
            rows.append({k: i.prior.quantile(rng.uniform(LOW, HIGH)) for k, i in infos.items()})
        return np.asarray([self._completed(row, rng) for row in rows])

    def _completed(self, parameters: dict, rng) -> list[float]:
        """A vector with these parameters, and states, time and ports drawn around them."""
        rest = {}
        if issubclass(self.cls, STATEFUL):
            at_rest = self.part_at(jnp.asarray([*parameters.values()])).rest()
            rest = {f.name: float(getattr(at_rest, f.name)) for f in fields_of(self.cls.State)}
        values = []
        for group, name, text in self.entries:
            if group == "part":
                values.append(parameters[name])
            elif group == "state" and rest[name] != 0.0:
                values.append(rest[name] * np.exp(rng.uniform(np.log(0.1), np.log(3.0))))
            else:
                near = [bounds for known, bounds in RANGES.items() if unit(text).same(unit(known))]
                values.append(rng.uniform(*(near[0] if near else (0.1, 100.0))))
        return values
