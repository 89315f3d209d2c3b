"""Records of settings to plain dicts, JSON and TOML, and back."""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any, Self

import numpy as np

from ..errors import ParameterError
from .arguments import check_arguments
from .toml import toml

__all__ = ["Settings", "closest", "known_kind", "plain", "read_plain"]

NOTHING = {"type": "None"}
"""None where it is not the default: TOML has nothing for it."""
_TORCH = "torch.distributions."
_kinds: dict[str, type[Settings]] = {}


def closest(name: str, known: Iterable[str], most: int | None = None, quote: str = "'") -> str:
    """Return a hint: the nearest of the known names, or all of them, of very many the first `most`.

    Examples
    --------
    >>> closest("bit", ["bits", "area"]), closest("x", ["bits", "area"], most=1), closest("x", [])
    ("; did you mean 'bits'?", '; there are area, ...', '; there is none')
    """
    names = sorted({str(k) for k in known})
    near = difflib.get_close_matches(str(name), names, n=1)
    if near:
        return f"; did you mean {quote}{near[0]}{quote}?"
    if not names:
        return "; there is none"
    shown = ", ".join(names[:most])
    return f"; there are {shown}{', ...' if most is not None and len(names) > most else ''}"


class Settings:
    """A record of settings that is written as numbers, strings, lists and dicts, and read again.

    A dataclass, or any class whose `settings` are the arguments that make it. Records inside are
    dicts whose ``"type"`` is the name of their class; classes of other packages than this one have
    their module before it. What is read is checked as the constructor checks it.

    Examples
    --------
    >>> from crossbarsim.periphery import ADC, Periphery
    >>> text = Periphery(adc=ADC(bits=6)).to_toml()
    >>> Periphery.from_toml(text).adc.bits
    6
    >>> ADC.from_dict({"bit": 6})
    Traceback (most recent call last):
        ...
    crossbarsim.core.errors.ParameterError: ADC has no setting `bit`; did you mean 'bits'?
    """

    __slots__ = ()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        _kinds[_kind(cls)] = cls

    def __new__(cls, *arguments: Any, **options: Any) -> Self:
        """Check the arguments against the constructor's annotations, which `__init__` refines."""
        if arguments or options:  # copies and pickles come without
            check_arguments(cls, (None, *arguments), options)
        return super().__new__(cls)

    def settings(self) -> dict[str, Any]:
        """Return the arguments that make this record again."""
        return {
            f.name: getattr(self, f.name)
            for f in dataclasses.fields(self) if f.init  # type: ignore[arg-type]
        }

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as numbers, strings, lists and dicts.

        Objects that are no `Settings` become their names, and cannot be read again.
        """
        return {name: plain(value) for name, value in self.settings().items()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the record that `to_dict` wrote; what is not in `data` keeps its default.

        Raises
        ------
        ParameterError
            A setting or a kind of record that there is not, one that is missing, or a value that
            is out of its range.
        """
        made: Self = _made(cls, data, cls.__name__)
        return made

    def to_json(self) -> str:
        """Return the settings as JSON; NaN and infinity as Python's `json` writes them."""
        return json.dumps(self.to_dict(), indent=2)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the record that `to_json` wrote; raises as `from_dict`, and for other text."""
        try:
            return cls.from_dict(json.loads(text))
        except (TypeError, json.JSONDecodeError) as error:
            raise ParameterError(f"{cls.__name__}: not JSON: {error}") from None

    def to_toml(self) -> str:
        """Return the settings as TOML; what is None by default and still is, is left out."""
        return toml(_told(type(self), self.to_dict()))

    @classmethod
    def from_toml(cls, text: str) -> Self:
        """Return the record that `to_toml` wrote; raises as `from_dict`, and for other text."""
        try:
            return cls.from_dict(tomllib.loads(text))
        except (TypeError, AttributeError, tomllib.TOMLDecodeError) as error:
            raise ParameterError(f"{cls.__name__}: not TOML: {error}") from None


def _kind(cls: type) -> str:
    root = cls.__module__.partition(".")[0]
    return cls.__qualname__ if root == "crossbarsim" else f"{cls.__module__}.{cls.__qualname__}"


def known_kind(name: str) -> type[Settings] | None:
    """Return the record of settings of that name; None: there is none."""
    return _kinds.get(name)


def read_plain(value: Any, path: str) -> Any:
    """Return what plain numbers, strings, lists and dicts stand for, as `Settings.from_dict`.

    Parameters
    ----------
    value : any
        As of `plain`.
    path : str
        What messages call it.

    Raises
    ------
    ParameterError
        A kind of record that there is not, or a value that it refuses.
    """
    return _read(value, path)


def plain(value: Any) -> Any:
    """Return settings as JSON holds them; objects of other packages as their name and numbers."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    if isinstance(value, Settings):
        return {"type": _kind(type(value)), **value.to_dict()}
    own = getattr(value, "to_dict", None)
    if callable(own) and not isinstance(value, type):
        return own()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)
                  if f.init}
        return {"type": type(value).__name__, **fields}
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(entry) for entry in value]
    law: Any = getattr(value, "dist", None)
    if hasattr(value, "ppf") and hasattr(law, "name"):  # a frozen distribution of SciPy
        return {"type": f"scipy.stats.{law.name}", "args": plain(list(value.args)),
                "kwds": plain(dict(value.kwds))}
    if type(value).__module__.startswith(_TORCH) and hasattr(value, "arg_constraints"):
        given = {n: v for n, v in vars(value).items() if n in value.arg_constraints}
        return {"type": _TORCH + type(value).__name__,
                **{n: v.detach().cpu().tolist() for n, v in given.items()}}
    name = getattr(value, "__qualname__", None)
    return f"{value.__module__}.{name}" if name else repr(value)


def _told(cls: type | None, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a dict without None: left out where the default is None, else `NOTHING`."""
    defaults = {} if cls is None else {
        name: p.default for name, p in inspect.signature(cls).parameters.items()
    }
    found = {}
    for name, value in data.items():
        if value is None:
            if defaults.get(name, 0) is not None:
                found[name] = dict(NOTHING)
        else:
            found[name] = _told_value(value)
    return found


def _told_value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _told(_kinds.get(str(value.get("type"))), value)
    if isinstance(value, list):
        return [_told_value(dict(NOTHING) if entry is None else entry) for entry in value]
    return value


def _made(cls: type[Any], data: Any, path: str) -> Any:
    """Return a record of settings; `path` says in messages where it is."""
    if not isinstance(data, Mapping):
        raise ParameterError(f"`{path}` must be a mapping of settings; got {data!r:.60}")
    given = {str(k): v for k, v in data.items() if k != "type"}
    if "type" in data and data["type"] != _kind(cls):
        found = _kinds.get(str(data["type"]))
        if found is None or not issubclass(found, cls):
            raise ParameterError(f"`{path}` is no {cls.__name__}: its type is {data['type']!r}")
        cls = found
    parameters = _parameters(cls)
    for name in given:
        # what a record made of a file takes, the file says
        if name not in parameters and not getattr(cls, "made_of_file", False):
            raise ParameterError(f"{path} has no setting `{name}`{closest(name, parameters)}")
    missing = [n for n, p in parameters.items() if p.default is p.empty and n not in given]
    if missing:
        raise ParameterError(f"{path} lacks the setting `{missing[0]}`")
    return cls(**{
        name: _read(value, f"{path}.{name}", str(parameters[name].annotation)
                    if name in parameters else "")
        for name, value in given.items()
    })


def _parameters(cls: type[Any]) -> dict[str, inspect.Parameter]:
    """Return the named arguments of a class, those that stand for ``**parameters`` among them."""
    found = dict(inspect.signature(cls).parameters)
    open_ended = [n for n, p in found.items() if p.kind is p.VAR_KEYWORD]
    for name in open_ended:
        del found[name]
        for key in getattr(cls, "_declared", ()):
            found[key] = inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=None)
    return found


def _read(value: Any, path: str, annotation: str = "") -> Any:
    """Return what a plain value stands for: records by their kind, tuples for lists."""
    if isinstance(value, (list, tuple)):
        return tuple(_read(entry, f"{path}[{k}]") for k, entry in enumerate(value))
    if not isinstance(value, Mapping):
        return value
    kind = value.get("type")
    if kind == "None":
        return None
    if kind is None:  # by hand: a field of one kind need not name it
        named = [_kinds[w] for w in re.findall(r"\w+", annotation) if w in _kinds]
        if len(named) == 1:
            return _made(named[0], value, path)
        return {name: _read(entry, f"{path}.{name}") for name, entry in value.items()}
    if isinstance(kind, str) and kind.startswith(("scipy.stats.", _TORCH)):
        return _distribution(kind, value, path)
    if str(kind) not in _kinds:
        raise ParameterError(
            f"`{path}` is of the type {kind!r}, which cannot be read: import its module first, "
            f"and let the class derive from Settings{closest(str(kind), _kinds)}"
        )
    return _made(_kinds[str(kind)], value, path)


def _distribution(kind: str, value: Mapping[str, Any], path: str) -> Any:
    """Return a distribution of SciPy or of torch."""
    home, _, name = kind.rpartition(".")
    module = import_module(home)
    law: Any = getattr(module, name, None)
    if not hasattr(law, "ppf" if home == "scipy.stats" else "arg_constraints"):
        raise ParameterError(f"`{path}`: there is no distribution {kind!r}")
    keys = {n: v for n, v in value.items() if n != "type"}
    try:
        if home == "scipy.stats":
            return law(*keys.pop("args", ()), **keys.pop("kwds", {}), **keys)
        double = import_module("torch").float64
        return law(**{n: import_module("torch").tensor(v, dtype=double) for n, v in keys.items()})
    except (TypeError, ValueError) as error:
        raise ParameterError(f"`{path}`: {kind}: {error}") from None
