"""What numba works out again and again while it compiles, worked out once.

numba asks its registries for news at most calls that it translates, tries a dozen templates at
every sum of two numbers, and hands LLVM a module to learn the size of a type. None of that changes
what is compiled. All holds while one of our kernels is compiled, under numba's lock, only.
"""

# ruff: noqa: SLF001 - numba's compiler is changed from inside

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import BuiltinFunctionType, FunctionType
from typing import Any

from numba.core import ir
from numba.core.compiler_lock import global_compiler_lock
from numba.core.types.functions import BaseFunction

__all__ = ["remembering"]

_get_call_type: Any = BaseFunction.get_call_type
_rec_list_vars: Any = ir.Inst._rec_list_vars
_NO_VARIABLES = frozenset({
    ir.Loc, ir.Const, ir.Global, ir.FreeVar, ir.Arg, str, int, float, bool, type(None),
    BuiltinFunctionType, FunctionType, type,
})
_calls: dict[Any, tuple[Any, Any]] = {}
_sizes: dict[tuple[str, str], int] = {}
_running = False


@contextmanager
def remembering(typing: Any, target: Any) -> Iterator[None]:
    """Have numba compile faster in its contexts `typing` and `target`."""
    global _running  # noqa: PLW0603 - under numba's lock
    with global_compiler_lock:
        if _running:
            yield
            return
        own = {"refresh": _once(typing, target), "get_abi_sizeof": _sizeof(target)}
        _running = True
        ir.Inst._rec_list_vars = _variables  # type: ignore[method-assign]
        BaseFunction.get_call_type = _call_type  # type: ignore[method-assign]
        vars(target).update(own)
        try:
            yield
        finally:
            for name in own:
                del vars(target)[name]
            BaseFunction.get_call_type = _get_call_type  # type: ignore[method-assign]
            ir.Inst._rec_list_vars = _rec_list_vars  # type: ignore[method-assign]
            _running = False


def _registered(*contexts: Any) -> int:
    """Return how many functions, attributes, ... the registries of contexts hold."""
    return sum(
        len(getattr(registry, name))
        for context in contexts
        for registry, loader in context._registries.items()
        for name in loader.registry_items
    )


def _once(typing: Any, target: Any) -> Callable[[], None]:
    """Return a refresh of the contexts that does nothing where nothing has been registered."""
    refresh, known = target.refresh, -1

    def again() -> None:
        nonlocal known
        if _registered(typing, target) != known:
            refresh()
            known = _registered(typing, target)

    return again


def _sizeof(target: Any) -> Callable[[Any], int]:
    """Return a function of LLVM types that asks LLVM once per type."""
    ask, layout = target.get_abi_sizeof, str(target.target_data)

    def size(kind: Any) -> int:
        text = str(kind)
        if "%" in text:  # a name, which may mean something else elsewhere
            return int(ask(kind))
        if (layout, text) not in _sizes:
            _sizes[layout, text] = int(ask(kind))
        return _sizes[layout, text]

    return size


def _call_type(self: Any, context: Any, args: Any, kws: Any) -> Any:
    """Type a call; that of an operator on types that were there before is known."""
    operator = self.typing_key
    if kws or type(operator) is not BuiltinFunctionType or operator.__module__ != "_operator":
        return _get_call_type(self, context, args, kws)
    asked = id(self), id(context), tuple(args)
    if asked not in _calls:
        found = _get_call_type(self, context, args, kws)
        if self._impl_keys[found.args] is not operator:  # compiled for these types and flags
            return found
        _calls[asked] = found, (self, context)  # alive, so that no other has its id
    return _calls[asked][0]


def _variables(self: Any, value: Any) -> list[Any]:
    """Return the variables of a part of a statement."""
    kind = type(value)
    if kind is ir.Var:
        return [value]
    if kind in _NO_VARIABLES:
        return []
    if kind is not dict:
        found: list[Any] = _rec_list_vars(self, value)
        return found
    found = []
    for part in value.values():
        kind = type(part)
        if kind is ir.Var:
            found.append(part)
        elif kind not in _NO_VARIABLES:
            found.extend(_variables(self, part))
    return found
