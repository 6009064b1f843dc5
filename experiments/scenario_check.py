"""Check a scenario's keys and types against its schema, and say in words what belongs where.

No JAX: a misspelt key must be named at once.
"""

import re

import msgspec

from experiments.scenario_schema import ScenarioTable
from experiments.toml_text import TomlText, dotted, nearest_key

SCHEMA = msgspec.inspect.type_info(ScenarioTable)


def _tables(info: object) -> tuple[object | None, object | None]:
    """(struct, item) behind an annotated or optional type: a table's fields, or the type of list items."""
    if isinstance(info, msgspec.inspect.Metadata):
        return _tables(info.type)
    if isinstance(info, msgspec.inspect.UnionType):
        return next((found for found in map(_tables, info.types) if any(found)), (None, None))
    if isinstance(info, msgspec.inspect.StructType):
        return info, None
    if isinstance(info, msgspec.inspect.TupleType):
        return None, info.item_types[0]
    return None, info.item_type if isinstance(info, msgspec.inspect.ListType) else None


def _all_keys(info: object, prefix: tuple = ()) -> list[str]:
    struct, item = _tables(info)
    if item is not None:
        return _all_keys(item, prefix)
    fields = struct.fields if struct is not None else ()
    return [key for f in fields for key in (dotted((*prefix, f.name)), *_all_keys(f.type, (*prefix, f.name)))]


def check_keys(document: TomlText) -> None:
    """Raise InputError for the first key that the schema does not know, with the nearest valid one."""
    _check_node(document, document.data, SCHEMA, ())


def _check_node(document: TomlText, node: object, info: object, path: tuple) -> None:
    struct, item = _tables(info)
    if struct is not None and isinstance(node, dict):
        fields = {field.name: field.type for field in struct.fields}
        for key, value in node.items():
            if key not in fields:
                unknown = (*path, key)
                near = nearest_key(unknown, list(fields), _all_keys(SCHEMA))
                hint = f" (did you mean `{near}`?)" if near else ""
                raise document.error(unknown, f"unknown key{hint}", f"one of {', '.join(fields)}")
            _check_node(document, value, fields[key], (*path, key))
    elif item is not None and isinstance(node, list):
        for position, value in enumerate(node):
            _check_node(document, value, item, (*path, position))


def decode(document: TomlText) -> ScenarioTable:
    """The document as Structs; raise InputError naming the place, what was found and what is expected."""
    try:
        return msgspec.convert(document.data, ScenarioTable)
    except msgspec.ValidationError as problem:
        what, _, where = str(problem).partition(" - at `$")
        path = tuple(int(part) if part.isdigit() else part for part in re.findall(r"[^.\[\]`]+", where))
        if missing := re.search(r"required field `(.+)`", what):
            path += (missing[1],)
            raise document.error(path, "missing", expected(path)) from None
        value = document.value(path)
        unitless = unit(path) is not None and isinstance(value, (int, float)) and not isinstance(value, bool)
        found = f"{value!r} has no unit" if unitless else f"found {_shown(value)}"
        wanted = expected(path) or (f"a table [{dotted(path)}]" if "object" in what else what)
        raise document.error(path, found, wanted) from None


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, dict)):
        kind = "list" if isinstance(value, list) else "table"
        return f"a {kind} of {len(value)}" if value else f"an empty {kind}"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _described(path: tuple) -> dict:
    """The description and unit that the schema gives to the value at ``path``."""
    info: object = SCHEMA
    for part in path:
        struct, item = _tables(info)
        if struct is not None:
            info = next(field.type for field in struct.fields if field.name == part)
        elif item is not None:
            info = item
    found: dict = {}
    while isinstance(info, (msgspec.inspect.Metadata, msgspec.inspect.UnionType)):
        if isinstance(info, msgspec.inspect.UnionType):
            info = info.types[0] if info.types else None
            continue
        found = {**(info.extra_json_schema or {}), **(info.extra or {}), **found}
        info = info.type
    return found


def expected(path: tuple) -> str | None:
    """What belongs at ``path``, in words."""
    return _described(path).get("description")


def unit(path: tuple) -> str | None:
    """The unit that a quantity at ``path`` is wanted in; None where no unit is needed."""
    return _described(path).get("unit")
