"""Declares options with types, defaults and ranges, and converts nested mappings into frozen dataclasses.

A group of options is a frozen dataclass that derives from `Options` and validates itself. The functions below declare
its fields: `choice`, `at_least`, `hyper`, `sum_of` and `variant`. `from_mapping` and `to_mapping` convert between
groups and nested mappings such as a ConfigDict, and `change` returns a group with some dotted names changed.
"""

import copy
import dataclasses
import functools
import sys
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from inrr_jax.errors import UserError, unknown

MAX_SEED = 2**32 - 1
"""Largest seed that `jax.random.key` takes without 64-bit integers."""
MAX_COUNT = 2**31 - 1
"""Largest whole number that an option takes if it declares no other: compiled programs count in 32 bits."""


@dataclass(frozen=True)
class Options:
    """Base class of all groups of options: refuses values of a wrong type or outside the declared range."""

    def __post_init__(self):
        hints = _hints(type(self))
        for option in dataclasses.fields(self):
            value = getattr(self, option.name)
            where = f"{type(self).__module__}.{type(self).__name__}: {option.name}"
            if "variants" in option.metadata:
                _check_group(where, value, tuple(option.metadata["variants"].values()))
            elif dataclasses.is_dataclass(option.default):
                _check_group(where, value, (type(option.default),))
            else:
                # object.__setattr__ because the dataclass is frozen; it turns 30 into 30.0 where a float is declared.
                object.__setattr__(self, option.name, _checked(where, value, hints[option.name], option.metadata))


def choice(default: str, *others: str) -> Any:
    """Declare a word: its default, and the other words that are accepted."""
    return field(default=default, metadata={"choices": (default, *others)})


def sum_of(default: str, *others: str, alone: str = "") -> Any:
    """Declare a sum of different names such as `a+b`. The name `alone`, if given, cannot be added to others."""
    names = (default, *others, *([alone] if alone else []))
    return field(default=default, metadata={"terms": names, "alone": alone})


def at_least(default: int | float, low: int | float, *, above: bool = False, high: int | float | None = None) -> Any:
    """Declare a number: its default and the range [low, high], or (low, high] with `above`.

    Without `high`, whole numbers end at `MAX_COUNT`, and others at the largest float.
    """
    if high is None:
        high = MAX_COUNT if type(default) is int else sys.float_info.max
    return field(default=default, metadata={"low": low, "above": above, "high": high})


def hyper(default: float, low: float, *, above: bool = False) -> Any:
    """Declare a hyper-parameter: a number that may vary between fits that share one compiled program."""
    return field(default=default, metadata={"low": low, "above": above, "high": sys.float_info.max, "hyper": True})


def variant(registry: Mapping[str, type], default: str) -> Any:
    """Declare a group of options whose class is looked up in a registry by the group's option `name`."""
    return field(default=registry[default](), metadata={"variants": registry})


def hyper_parameters(options: Any) -> dict[str, Any]:
    """Return the hyper-parameters of a group by name; after `without_hyper_parameters`, all of them are None."""
    return {f.name: getattr(options, f.name) for f in dataclasses.fields(options) if f.metadata.get("hyper")}


Group = TypeVar("Group")


def without_hyper_parameters(options: Group) -> Group:
    """Return a copy of a group in which every hyper-parameter is None, also in the groups in it.

    Groups that differ in hyper-parameters alone become equal, so the copy is the key of a compiled program. Arithmetic
    with None raises, so code that reads a hyper-parameter from the key instead of from its argument fails at once.
    """
    blank = copy.copy(options)
    for name in hyper_parameters(options):
        # object.__setattr__ because the dataclass is frozen, and because __post_init__ would refuse None.
        object.__setattr__(blank, name, None)
    for option in dataclasses.fields(options):  # type: ignore[arg-type]
        value = getattr(options, option.name)
        if dataclasses.is_dataclass(value):
            object.__setattr__(blank, option.name, without_hyper_parameters(value))
    return blank


def convert(options: Any, cls: type[Group]) -> Group:
    """Return a group of another class with the values of all options that both classes have, except `name`."""
    shared = {f.name for f in dataclasses.fields(cls)} & {f.name for f in dataclasses.fields(options)} - {"name"}  # type: ignore[arg-type]
    return cls(**{name: getattr(options, name) for name in shared})


def from_mapping(mapping: Mapping[str, Any], cls: type[Group], prefix: str = "", default: Group | None = None) -> Group:
    """Turn a nested mapping into the group `cls`. Options that are missing or None keep their value in `default`.

    In a group with variants, options that only other variants have are dropped: a config then stays valid when its
    variant is changed. Code that knows which names a user gave checks them with `check_names`.

    Raises:
        UserError: an unknown option, a wrong type, an unknown choice or a number out of range. The message names the
            option, the value and what is accepted.
    """
    hints, accepted = _hints(cls), {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    values = {}
    for key, value in mapping.items():
        path = f"{prefix}{key}"
        if key not in accepted:
            raise UserError(unknown(f"setting {path}", key, accepted))
        if value is None:
            continue
        option = accepted[key]
        if "variants" in option.metadata:
            values[key] = _variant(value, option, f"{path}.")
        elif dataclasses.is_dataclass(option.default):
            start = getattr(default, key, option.default)
            values[key] = from_mapping(_mapping(value, path), type(option.default), f"{path}.", start)
        else:
            values[key] = _checked(path, value, hints[key], option.metadata)
    return cls(**values) if default is None else dataclasses.replace(default, **values)  # type: ignore[type-var]


def to_mapping(options: Any) -> dict[str, Any]:
    """Return a group as nested dictionaries of plain values: the inverse of `from_mapping`."""
    return dataclasses.asdict(options)


def all_names(options: Any) -> dict[str, Any]:
    """Return `to_mapping(options)` with, in groups with variants, the options of all other variants added as None.

    None stands for the default (`from_mapping`). A command line can then set any option of any variant.
    """
    mapping = to_mapping(options)
    for name in placeholders(options):
        *groups, last = name.split(".")
        functools.reduce(dict.__getitem__, groups, mapping)[last] = None
    return mapping


def placeholders(options: Any, prefix: str = "") -> dict[str, type]:
    """Return the types of the options that only other variants than the chosen ones have, by dotted name."""
    found: dict[str, type] = {}
    for option in dataclasses.fields(options):
        value = getattr(options, option.name)
        path = f"{prefix}{option.name}."
        for cls in option.metadata.get("variants", {}).values():
            found |= {f"{path}{name}": kind for name, kind in _hints(cls).items() if name not in _hints(type(value))}  # type: ignore[arg-type]
        if dataclasses.is_dataclass(value):
            found |= placeholders(value, path)
    return found


def change(options: Group, changes: Mapping[str, Any]) -> Group:
    """Return a group with the options of these dotted names changed.

    Raises:
        UserError: an unknown name, a value that the option does not take, or an option that the chosen variant of its
            group does not have.
    """
    mapping = to_mapping(options)
    for name, value in changes.items():
        *groups, last = name.split(".")
        inner = mapping
        for group in groups:
            inner = inner.get(group)  # type: ignore[assignment]
            if not isinstance(inner, dict):
                raise UserError(unknown(f"setting {name}", name, names(options)))
        inner[last] = value
    changed = from_mapping(mapping, type(options))
    check_names(changed, changes)
    return changed


def check_names(options: Any, given: Iterable[str]) -> None:
    """Refuse dotted names that are options of another variant than the chosen one.

    Raises:
        UserError: there is such a name.
    """
    known = names(options)
    for name in given:
        if name not in known:
            group, _, last = name.rpartition(".")
            own = sorted(other.rpartition(".")[2] for other in known if other.rpartition(".")[0] == group)
            variant = functools.reduce(getattr, group.split("."), options)
            instead = getattr(variant, "instead", {})  # this variant's own options in the place of others'
            hint = f"give {group}.{instead[last]} instead; " if last in instead else ""
            raise UserError(f"{name} is no setting of {group}.name={variant.name}: {hint}it has {', '.join(own)}")


def names(options: Any, prefix: str = "") -> list[str]:
    """List the dotted names of all options of a group and of the groups in it, and the names of these groups."""
    found: list[str] = []
    for option in dataclasses.fields(options):
        value = getattr(options, option.name)
        found.append(f"{prefix}{option.name}")
        if dataclasses.is_dataclass(value):
            found += names(value, f"{prefix}{option.name}.")
    return found


def difference(a: Mapping[str, Any], b: Mapping[str, Any], prefix: str = "") -> list[str]:
    """List the dotted names at which two nested mappings differ."""
    found: list[str] = []
    for key in sorted(a.keys() | b.keys()):
        left, right = a.get(key), b.get(key)
        if isinstance(left, Mapping) and isinstance(right, Mapping):
            found += difference(left, right, f"{prefix}{key}.")
        elif left != right:
            found.append(f"{prefix}{key}")
    return found


@functools.cache
def _hints(cls: Any) -> dict[str, Any]:
    """Return the declared types of a group's options, without those of class variables."""
    hints = typing.get_type_hints(cls)
    return {f.name: hints[f.name] for f in dataclasses.fields(cls)}


def _variant(value: Any, option: dataclasses.Field, prefix: str) -> Any:
    """Build the variant that a mapping names, from those of its values that are options of this variant."""
    mapping, registry = _mapping(value, prefix[:-1]), option.metadata["variants"]
    name = mapping.get("name") or option.default.name
    if name not in registry:
        raise UserError(unknown(f"{prefix}name={name}", str(name), registry))
    own = _hints(registry[name])
    others = {other for cls in registry.values() for other in _hints(cls)}
    for key in mapping:
        if key not in others:
            raise UserError(unknown(f"setting {prefix}{key}", key, own))
    return from_mapping({key: given for key, given in mapping.items() if key in own}, registry[name], prefix)


def _mapping(value: Any, path: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise UserError(f"{path}={value!r} is no group of settings: give NAME=VALUE pairs")
    return value


def _check_group(where: str, value: Any, accepted: tuple[type, ...]) -> None:
    if not isinstance(value, accepted):
        given = ", ".join(sorted(f"{cls.__module__}.{cls.__name__}" for cls in accepted))
        raise UserError(f"{where}={value!r} is no group of settings: give {given}")


_EXAMPLES = {
    int: "a whole number",
    float: "a number",
    bool: "True or False",
    str: "a word or path",
    tuple: "a tuple",
}


def _checked(path: str, value: Any, kind: type, limits: Mapping[str, Any]) -> Any:
    """Return a value of the declared type and range, or refuse it."""
    if kind is float and type(value) is int:
        value = float(value)
    if kind is tuple:
        value = _as_tuple(value)
    if type(value) is not kind:
        raise UserError(f"{path}={value!r} is no {kind.__name__}: give {_EXAMPLES[kind]}")
    if "choices" in limits and value not in limits["choices"]:
        raise UserError(unknown(f"{path}={value}", str(value), limits["choices"]))
    if "terms" in limits:
        _check_sum(path, str(value), limits["terms"], limits["alone"])
    if "low" in limits:
        low, high = limits["low"], limits["high"]
        if not (low <= value <= high) or (limits["above"] and value == low):
            declared = high not in (MAX_COUNT, sys.float_info.max)
            below = f" and at most {high}" if declared or value > high else ""
            bounds = f"{'above' if limits['above'] else 'of at least'} {low:g}{below}"
            raise UserError(f"{path}={value} is out of range: give a number {bounds}")
    return value


def _as_tuple(value: Any) -> Any:
    """Return a value with its lists as tuples, because JSON has no tuples and options have no lists."""
    return tuple(map(_as_tuple, value)) if isinstance(value, list | tuple) else value


def _check_sum(path: str, value: str, accepted: tuple[str, ...], alone: str) -> None:
    parts = value.split("+")
    for name in parts:
        if name not in accepted:
            raise UserError(unknown(f"{path}={name}", name, accepted))
    if len(set(parts)) < len(parts):
        raise UserError(f"{path}={value} has a term twice: give each once, and it a weight of its own")
    if alone in parts and len(parts) > 1:
        raise UserError(f"{path}={value} adds to {alone}: give {alone} alone, or a sum of others")
