"""What an argument must be by its annotation: checked at the door, in one wording."""

from __future__ import annotations

import builtins
import inspect
import math
import sys
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, wraps
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from ..errors import ParameterError
from ..validation import as_float, real_array, shown

__all__ = ["check_arguments", "checks_arguments"]

C = TypeVar("C", bound=Callable[..., Any])
Test = Callable[[str, Any], bool]
"""Of an argument's name and value; arrays raise the error that says what is wrong with them."""
_SCALARS = frozenset((str, bytes, bool, int, float, complex))
_LIKE = frozenset(typing.get_args(ArrayLike)) - _SCALARS
_LARGEST = 2**63
_DIRECT = (bool, str, bytes, dict)


class _Named:
    """A class that is imported for types only: known by its name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __or__(self, other: Any) -> Any:
        return _Either((self, other))

    __ror__ = __or__

    def __getitem__(self, _: Any) -> _Named:
        return self

    def __getattr__(self, name: str) -> _Named:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Named(name)


class _Either:
    """A union that `typing` refuses to make."""

    def __init__(self, parts: tuple[Any, ...]) -> None:
        self.parts = parts

    def __or__(self, other: Any) -> _Either:
        return _Either((*self.parts, other))

    def __ror__(self, other: Any) -> _Either:
        return _Either((other, *self.parts))


class _Names(dict[str, Any]):
    """The names of a module, of the builtins, and of what is imported for types only."""

    def __missing__(self, name: str) -> Any:
        return getattr(builtins, name, None) or _Named(name)


def _hint(annotation: Any, names: Mapping[str, Any]) -> Any:
    if isinstance(annotation, typing.ForwardRef):
        annotation = annotation.__forward_arg__
    if not isinstance(annotation, str):
        return annotation
    return eval(annotation, {"__builtins__": {}}, _Names(names))  # noqa: S307 - our own source


def _parts(hint: Any, names: Mapping[str, Any]) -> list[Any]:
    """Return the members of a union, or the hint alone."""
    hint = _hint(hint, names)
    if isinstance(hint, _Either):
        inner: Iterable[Any] = hint.parts
    elif typing.get_origin(hint) in (typing.Union, types.UnionType):
        inner = typing.get_args(hint)
    else:
        return [hint]
    return [part for one in inner for part in _parts(one, names)]


def _a(word: str) -> str:
    return f"{'an' if word[0] in 'AEIOU' else 'a'} {word}"


def _is_float(_: str, value: Any) -> bool:
    real = as_float(value)
    return real is not None and not math.isnan(real)


def _is_int(name: str, value: Any) -> bool:
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    return whole and (-_LARGEST <= value < _LARGEST or "seed" in name)  # seeds may be of any size


def _is_array(name: str, value: Any) -> bool:
    real_array(name, value)
    return True


def _test(hint: Any, names: Mapping[str, Any]) -> tuple[Test, str] | None:
    """Return the test of one member of a union and its words; None where nothing is known."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint in (None, type(None)):
        return (lambda _, v: v is None), "None"
    if hint is float:
        return _is_float, "a number"
    if hint is int:
        return _is_int, "an integer"
    if origin is typing.Literal:
        return (lambda _, v: isinstance(v, str) and v in inner), (
            f"one of {', '.join(map(repr, inner))}")
    if origin is Callable or hint is Callable:
        return (lambda _, v: callable(v)), "a function"
    if origin is tuple and inner:
        return _tuple(inner, names)
    if origin in (Sequence, Iterable, Mapping) or hint in (Sequence, Iterable, Mapping):
        return _collection(origin or hint, inner, names)
    if isinstance(hint, _Named):
        word = hint.name
        return (lambda _, v: any(c.__name__ == word for c in type(v).__mro__)), _a(word)
    if isinstance(hint, type) and origin is None and hint not in (object, Any):
        if getattr(hint, "_is_protocol", False):
            if not getattr(hint, "_is_runtime_protocol", False):
                return None
            return (lambda _, v: isinstance(v, hint) and not isinstance(v, type)), _a(hint.__name__)
        known = {bool: "True or False", str: "a string"}.get(hint, _a(hint.__name__))
        return (lambda _, v: isinstance(v, hint)), known
    return None


_ANYTHING: tuple[Test, str] = ((lambda _, __: True), "anything")


def _tuple(inner: tuple[Any, ...], names: Mapping[str, Any]) -> tuple[Test, str] | None:
    """Return the test of tuples, for which lists pass, too."""
    endless = inner[-1] is ...
    found = [_tests(one, names) for one in (inner[:1] if endless else inner)]
    tests = [one or _ANYTHING for one in found]
    words = f"several, each {tests[0][1]}" if endless else (
        f"{len(tests)} values, each {tests[0][1]}")

    def fits(name: str, value: Any) -> bool:
        if not isinstance(value, (tuple, list)) or not (endless or len(value) == len(tests)):
            return False
        return all(tests[0 if endless else k][0](name, one) for k, one in enumerate(value))

    return fits, words


def _collection(
    kind: Any, inner: tuple[Any, ...], names: Mapping[str, Any]
) -> tuple[Test, str] | None:
    """Return the test of sequences and mappings, and of what is in them."""
    entries = _tests(inner[-1], names) if inner else None
    each = "" if entries is None else f", each {entries[1]}"

    def each_fits(name: str, value: Any) -> bool:
        if entries is None:
            return True
        for key, one in value.items() if kind is Mapping else enumerate(value):
            if not entries[0](f"{name}[{key!r}]" if kind is Mapping else name, one):
                raise ParameterError(f"`{name}[{key!r}]` must be {entries[1]}; got {_got(one)}")
        return True

    if kind is Mapping:
        return (lambda name, v: isinstance(v, Mapping) and each_fits(name, v)), (
            f"a mapping{each}")
    if kind is Iterable:
        return (lambda _, v: isinstance(v, Iterable) and not isinstance(v, _DIRECT)
                and getattr(v, "ndim", 1) != 0), (
            f"several{each}")
    return (lambda name, v: isinstance(v, (Sequence, np.ndarray)) and not isinstance(v, _DIRECT)
            and getattr(v, "ndim", 1) != 0 and each_fits(name, v)), f"a sequence{each}"


def _tests(hint: Any, names: Mapping[str, Any]) -> tuple[Test, str] | None:
    """Return the test of a hint and what it asks for in words; None where anything may pass."""
    parts = _parts(hint, names)
    arrays = any(part in _LIKE or typing.get_origin(part) is np.ndarray for part in parts)
    if arrays:  # numbers of themselves are in the union, which is flat
        others = _LIKE | _SCALARS
        parts = [p for p in parts if p not in others and typing.get_origin(p) is not np.ndarray]
    found = [_test(part, names) for part in parts]
    if any(one is None for one in found):
        return None
    tests = [one for one in found if one is not None]
    words = " or ".join(dict.fromkeys(word for _, word in tests))

    def fits(name: str, value: Any) -> bool:
        wrong = None
        for test, _ in tests:
            try:
                if test(name, value):
                    return True
            except ParameterError as error:  # of one member of the union: another may take it
                wrong = wrong or error
        if arrays:
            return _is_array(name, value)
        if wrong is not None:
            raise wrong
        return False

    return fits, f"{words} or numbers" if arrays and words else (words or "numbers")


@cache
def _table(call: Callable[..., Any]) -> tuple[tuple[str, ...], dict[str, tuple[Test, str]]]:
    """Return the names of arguments by position, and the tests of those that have one."""
    order, tests = [], {}
    open_ended = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    inner = inspect.unwrap(call.__init__ if isinstance(call, type) else call)  # type: ignore[misc]
    names = dict(inner.__globals__)
    if isinstance(call, type):  # the fields of a dataclass may be of several modules
        for base in reversed(call.__mro__):
            module = sys.modules.get(base.__module__)  # none of classes made from Verilog-A
            names |= {} if module is None else vars(module)
    for name, one in inspect.signature(inner).parameters.items():
        if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD):
            order.append(name)
        if one.annotation is not one.empty and one.kind not in open_ended:
            found = _tests(one.annotation, names)
            if found is not None:
                tests[name] = found
    return tuple(order), tests


def _got(value: Any) -> str:
    """Return a value in words: small ones as they are, others by their class."""
    small = isinstance(value, (str, bytes, list, tuple, complex, type)) or value is None
    return shown(value) if small or as_float(value) is not None or isinstance(value, bool) else (
        type(value).__name__)


def check_arguments(
    call: Callable[..., Any], arguments: tuple[Any, ...], options: Mapping[str, Any]
) -> None:
    """Check the arguments of a call, `self` included, against their annotations.

    Raises
    ------
    ParameterError
        A value of another kind, with the argument's name; NaN, bool and complex are no numbers.
    """
    order, tests = _table(call)
    for name, value in (*zip(order, arguments, strict=False), *options.items()):
        test = tests.get(name)
        if test is not None and not test[0](name, value):
            raise ParameterError(f"`{name}` must be {test[1]}; got {_got(value)}")


def checks_arguments(call: C) -> C:
    """Return a function that checks its arguments against their annotations.

    Of a class: its constructor, if it is no `Settings`, and all public methods.

    Examples
    --------
    >>> from crossbarsim import ParameterError
    >>> from crossbarsim.core.settings import checks_arguments
    >>> @checks_arguments
    ... def half(value: float) -> float:
    ...     return 0.5 * value
    >>> half("1.0")
    Traceback (most recent call last):
        ...
    crossbarsim.core.errors.ParameterError: `value` must be a number; got '1.0'
    """
    if isinstance(call, type):
        for name, method in list(vars(call).items()):
            if inspect.isfunction(method) and not (name.startswith("_") and name != "__init__"):
                setattr(call, name, checks_arguments(method))
        return call

    @wraps(call)
    def wrapped(*arguments: Any, **options: Any) -> Any:
        check_arguments(call, arguments, options)
        return call(*arguments, **options)

    return wrapped  # type: ignore[return-value]
