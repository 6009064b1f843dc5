"""The static half of a body: which wire joins what, checked once when the body is built.

Errors name the two ends, both units and the factor between them; nothing is converted silently.
"""

import dataclasses
import difflib
from typing import Any

from physio.component import (
    LINKS,
    AbstractImplicitPart,
    AbstractPart,
    AbstractStore,
    AbstractTriggeredPart,
    ParameterInfo,
    carried_by,
    fields_of,
    parameters_of,
    units_of,
)
from physio.reading import read_by_outputs, read_by_rates
from physio.units import unit


class WiringError(ValueError):
    """A wire that joins things that do not exist or do not fit."""


@dataclasses.dataclass(frozen=True)
class Times:
    """A driven parameter is its own value times the product of these dimensionless signals."""

    signals: tuple[str, ...]


def times(*signals: str) -> Times:
    """Multiply a parameter by signals: ``drive={"bed.resistance": times("reflex.tone", "drug.effect")}``."""
    return Times(signals)


@dataclasses.dataclass(frozen=True)
class TotalInfo:
    """A conserved total that belongs to no part: the state ``absorbs`` takes what the other states leave."""

    unit: str
    port: str
    absorbs: str
    info: ParameterInfo


@dataclasses.dataclass(frozen=True)
class Group:
    """Equal parts that are evaluated together: same class, same rank in the order of evaluation.

    ``reads``    the sensed ports that their outputs depend on
    ``couples``  each row they carry, and those of their own rows that its rate depends on
    """

    cls: type
    names: tuple[str, ...]
    reads: frozenset[str]
    couples: tuple[tuple[str, frozenset[str]], ...]

    @classmethod
    def of(cls, kind: type, names: list[str], parts: dict[str, AbstractPart]) -> "Group":
        one = parts[names[0]]
        reads = frozenset() if isinstance(one, LINKS) else read_by_outputs(one)
        return cls(kind, tuple(names), reads, tuple(sorted(read_by_rates(one).items())))


@dataclasses.dataclass(frozen=True)
class Wiring:
    """Everything about a body that is not a number."""

    time: str
    clock: str | None
    flows: tuple[tuple[str, tuple[str, str]], ...]
    senses: tuple[tuple[str, str], ...]
    drive: tuple[tuple[str, Times], ...]
    inputs: tuple[tuple[str, str], ...]
    start: tuple[tuple[str, float], ...]
    totals: tuple[tuple[str, TotalInfo], ...]
    order: tuple[Group, ...]
    links: tuple[Group, ...]
    info: tuple[tuple[str, ParameterInfo], ...]

    @property
    def watched(self) -> set[str]:
        """Parts whose outputs another part reads."""
        sources = [source for _, source in self.senses]
        sources += [signal for _, law in self.drive for signal in law.signals]
        sources += [end for _, ends in self.flows for end in ends]
        return {split(source)[0] for source in sources}


def split(address: str) -> tuple[str, str]:
    """``part.name`` -> (part, name)."""
    head, dot, tail = address.partition(".")
    if not dot or not head or not tail or "." in tail:
        raise WiringError(f"'{address}' is not an address: write 'part.name'")
    return head, tail


def unknown(kind: str, name: str, known: Any) -> WiringError:
    """The error for a name that does not exist, with the nearest one that does."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean '{near[0]}'?" if near else f"; there are: {', '.join(known)}"
    return WiringError(f"no {kind} '{name}'{hint}")


def _require_same(what: str, have: str, want: str) -> None:
    a, b = unit(have), unit(want)
    if a.same(b):
        return
    if a.compatible(b):
        raise WiringError(f"{what}: {have} does not fit {want}; the factor is {a.factor_to(b):.6g}, convert it in a part")
    raise WiringError(f"{what}: {have} does not fit {want}; they measure different things")


def _readable(parts: dict[str, AbstractPart], inputs: dict[str, str]) -> dict[str, str]:
    """Address -> unit of everything that a part may sense."""
    table = {f"input.{name}": u for name, u in inputs.items()}
    for name, part in parts.items():
        table |= {f"{name}.{field}": u for field, u in units_of(part.Outputs).items()}
    return table


def check_flows(parts: dict[str, AbstractPart], flows: dict[str, tuple[str, str]]) -> None:
    """Each link is wired once, to ports that carry what it carries and show what it reads."""
    links = {name for name, part in parts.items() if isinstance(part, LINKS)}
    for name in flows:
        if name not in links:
            raise unknown("link", name, links)
    for name in links - set(flows):
        raise WiringError(f"link '{name}' is not wired: add flows={{'{name}': ('up.port', 'down.port')}}")
    for name, ends in flows.items():
        link = parts[name]
        for end, address, reads in zip(("up", "down"), ends, (link.Up, link.Down), strict=True):
            store_name, port_name = split(address)
            stores = {n for n, p in parts.items() if isinstance(p, AbstractStore)}
            if store_name not in stores:
                raise unknown("store", store_name, stores)
            store = parts[store_name]
            ports = units_of(store.Flows)
            if port_name not in ports:
                raise unknown(f"flow port of '{store_name}'", port_name, ports)
            _require_same(f"flow '{name}' into '{address}'", link.carries, ports[port_name])
            shown = units_of(store.Outputs)
            for field, field_unit in units_of(reads).items():
                if field not in shown:
                    raise unknown(f"output of '{store_name}' (read {end} by '{name}')", field, shown)
                _require_same(f"'{name}' reads '{store_name}.{field}'", shown[field], field_unit)


def check_ports(parts: dict[str, AbstractPart]) -> None:
    """Each flow port fills a state of its store, and port = state per time unit."""
    for name, part in parts.items():
        states = units_of(part.State)
        for field in fields_of(part.Flows):
            fills = field.metadata["fills"]
            if fills not in states:
                raise unknown(f"state filled by port '{name}.{field.name}'", str(fills), states)
            rate = f"({states[fills]})/({part.time_unit})"
            _require_same(f"port '{name}.{field.name}' fills '{fills}'", field.metadata["unit"], rate)


def check_senses(parts: dict[str, AbstractPart], senses: dict[str, str], inputs: dict[str, str]) -> None:
    """Each sensed port has one source of the same unit."""
    table = _readable(parts, inputs)
    wanted = {f"{n}.{f}": u for n, p in parts.items() for f, u in units_of(p.Sensed).items()}
    for address in senses:
        if address not in wanted:
            raise unknown("sensed port", address, wanted)
    for address, want in wanted.items():
        if address not in senses:
            raise WiringError(f"'{address}' [{want}] senses nothing: add senses={{'{address}': 'part.output'}}")
        source = senses[address]
        if source not in table:
            raise unknown("output", source, table)
        _require_same(f"'{address}' senses '{source}'", table[source], want)


def check_drive(parts: dict[str, AbstractPart], drive: dict[str, Times], inputs: dict[str, str]) -> None:
    """Each driven address is a parameter and each signal is dimensionless."""
    table = _readable(parts, inputs)
    known = {f"{n}.{f}" for n, p in parts.items() for f in parameters_of(p)}
    for address, law in drive.items():
        if address not in known:
            raise unknown("parameter", address, known)
        for signal in law.signals:
            if signal not in table:
                raise unknown("output", signal, table)
            _require_same(f"'{address}' is multiplied by '{signal}'", table[signal], "1")


def check_totals(parts: dict[str, AbstractPart], totals: dict[str, TotalInfo]) -> None:
    """Each total has a port of its name, the unit of what that port fills, and a filled state that absorbs it."""
    for name, info in totals.items():
        ports = {f.name for p in parts.values() for f in fields_of(p.Flows)}
        if info.port not in ports:
            raise unknown(f"flow port summed by total '{name}'", info.port, ports)
        filled = {
            f"{n}.{f.metadata['fills']}": units_of(p.State)[f.metadata["fills"]]
            for n, p in parts.items()
            for f in fields_of(p.Flows)
            if f.name == info.port
        }
        if info.absorbs not in filled:
            raise unknown(f"state filled by a '{info.port}' port", info.absorbs, filled)
        _require_same(f"total '{name}' sums '{info.absorbs}'", filled[info.absorbs], info.unit)


def check_clock(parts: dict[str, AbstractPart], clock: str | None) -> None:
    """The clock of a paced body is an output in seconds per unit of phase."""
    if clock is not None:
        table = _readable(parts, {})
        if clock not in table:
            raise unknown("output", clock, table)
        _require_same(f"clock '{clock}' gives the length of a unit of phase", table[clock], "s")


def check_roles(parts: dict[str, AbstractPart]) -> None:
    """Jumps of the state and implied variables do not go together."""
    implied = [n for n, p in parts.items() if isinstance(p, AbstractImplicitPart)]
    jumping = [n for n, p in parts.items() if isinstance(p, AbstractTriggeredPart)]
    if implied and jumping:
        raise WiringError(f"'{implied[0]}' has implied variables and '{jumping[0]}' jumps: a body may hold one or the other")


def evaluation_order(parts, senses: dict[str, str], drive: dict[str, Times]) -> tuple[Group, ...]:
    """Groups of equal parts in an order in which every output is known before another output reads it.

    What a part senses for its rates alone is read after all outputs are known.
    """
    reads = {name: set() for name, part in parts.items() if not isinstance(part, LINKS)}

    def depend(part: str, source: str) -> None:
        origin = split(source)[0]
        if origin != "input" and part in reads:
            reads[part].add(origin)

    for address, source in senses.items():
        name, field = split(address)
        if name in reads and field in read_by_outputs(parts[name]):
            depend(name, source)
    for address, law in drive.items():
        for signal in law.signals:
            depend(split(address)[0], signal)
    rank: dict[str, int] = {}
    while len(rank) < len(reads):
        ready = [n for n in reads if n not in rank and reads[n] <= set(rank)]
        if not ready:
            stuck = {n: sorted(reads[n] - set(rank)) for n in reads if n not in rank}
            loop = "; ".join(f"{n} waits for {', '.join(v)}" for n, v in stuck.items())
            raise WiringError(f"outputs read each other in a loop ({loop}): make the loop one part that solves it")
        level = max((rank[m] for n in ready for m in reads[n]), default=-1) + 1
        rank |= {n: level for n in ready}
    groups: dict[tuple, list[str]] = {}
    for name in reads:
        groups.setdefault((rank[name], type(parts[name])), []).append(name)
    ordered = sorted(groups.items(), key=lambda item: item[0][0])
    return tuple(Group.of(cls, names, parts) for (_, cls), names in ordered)


def link_groups(parts: dict[str, AbstractPart]) -> tuple[Group, ...]:
    """Equal links, in order of first appearance."""
    groups: dict[type, list[str]] = {}
    for name, part in parts.items():
        if isinstance(part, LINKS):
            groups.setdefault(type(part), []).append(name)
    return tuple(Group.of(cls, names, parts) for cls, names in groups.items())


def state_names(wiring: Wiring) -> tuple[str, ...]:
    """Addresses of the rows of the state array: groups in order, within a group field by field."""
    rows = []
    for group in wiring.order + wiring.links:
        rows += [f"{name}.{f.name}" for f in carried_by(group.cls) for name in group.names]
    return tuple(rows)
