"""Many instances of a compiled module, evaluated in one compiled loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...core.errors import ConvergenceError, ParameterError
from ...core.validation import Array
from ...netlists.osdi import Module, abi
from ...netlists.osdi.messages import take_messages
from .setup import Blocks, Ints, Simulator, Values

__all__ = ["Evaluated", "OsdiBatch"]

Bools = NDArray[np.bool_]
_ALL = (abi.RESIST_RESIDUAL | abi.REACT_RESIDUAL | abi.RESIST_JACOBIAN | abi.REACT_JACOBIAN
        | abi.RESIST_LIMIT | abi.REACT_LIMIT)
_ANALYSES = {
    "op": abi.AT_DC | abi.AT_STATIC, "dc": abi.AT_DC | abi.AT_STATIC,
    "ac": abi.AT_AC, "noise": abi.AT_NOISE | abi.AT_AC, "tran": abi.AT_TRANSIENT,
    "tran_op": abi.AT_TRANSIENT | abi.AT_STATIC | abi.AT_INITIAL,
}
_CALLS = ("eval", "load_residual_resist", "load_residual_react", "load_jacobian_resist",
          "load_jacobian_react", "load_limit_rhs_resist", "load_limit_rhs_react")


class Evaluated(NamedTuple):
    """What an evaluation fills; (entry, E) in Fortran order: all of an instance side by side.

    Attributes
    ----------
    f : (n, E) ampere, or what the node's equation is in
        Sum of currents out of the live node into the module.
    q : (n, E) coulomb
        What is differentiated by time and added to f.
    g, c : (A, E), (B, E)
        df/dx and dq/dx at the places `OsdiBatch.g_at` and `c_at`.
    """

    f: Array
    q: Array
    g: Array
    c: Array


class OsdiBatch:
    """Instances of one module whose nodes are made one in the same way.

    With limiting, f and q are the tangents at the limited voltages, read at x, as element groups
    have them; see `crossbarsim.solvers.circuit.system.element_group`.

    Parameters
    ----------
    module : Module
    model : mapping
        Parameters of the model: name -> number, text, or (E,) values, one for each instance.
    instance : mapping
        Parameters of the instances, likewise. ``$mfactor`` is the number in parallel.
    count : int, optional
        E; by default the length of the longest value, else 1.
    temperature : float or (E,), kelvin
    terminals : int, optional
        How many terminals are connected; those left out are inner nodes.
    names : sequence of str, optional
        Of the instances, for messages.
    gmin : float, siemens
        What ``$simparam("gmin")`` finds.

    Attributes
    ----------
    live : tuple of int
        The live node of each node of the module, -1 for ground; live nodes are the rows of x, f
        and q, terminals first, in their order.
    labels : tuple of str
        Of the n live nodes.
    g_at, c_at : ((A,), (A,)) ints and ((B,), (B,)) ints
        Rows and columns, live nodes, of the entries of g and c.
    integrals : (I,) int
        The live nodes that are values of ``idt``.
    flows : (n,) bool
        Whether a live node is no potential but another unknown, as a branch's current.

    Raises
    ------
    ParameterError
        A parameter that the module has not, of another type or out of its range; instances whose
        nodes are made one in different ways (`split` makes several batches).

    Examples
    --------
    >>> from crossbarsim import load_verilog_a
    >>> from crossbarsim.solvers.osdi import OsdiBatch
    >>> source = '''
    ... `include "disciplines.vams"
    ... module conductor(a, b);
    ...   inout a, b; electrical a, b;
    ...   parameter real g = 1e-3 from (0:inf);
    ...   analog I(a, b) <+ g * V(a, b);
    ... endmodule'''
    >>> import tempfile, pathlib
    >>> def run(folder):
    ...     place = pathlib.Path(folder, "conductor.va")
    ...     _ = place.write_text(source)
    ...     batch = OsdiBatch(load_verilog_a(place).module(), {"g": [1e-3, 2e-3]})
    ...     return batch.evaluate([[1.0, 1.0], [0.0, 0.0]]).f[0].tolist()
    >>> with tempfile.TemporaryDirectory() as folder:  # doctest: +SKIP
    ...     run(folder)
    [0.001, 0.002]
    """

    def __init__(
        self, module: Module, model: Values | None = None, instance: Values | None = None, *,
        count: int | None = None, temperature: ArrayLike = 300.15, terminals: int | None = None,
        names: Sequence[str] = (), gmin: float = 1e-12, tnom: float = 27.0,
    ) -> None:
        model, instance = model or {}, instance or {}
        if count is None:
            lengths = {len(v) for values in (model, instance) for v in values.values()
                       if np.ndim(v) == 1} | ({len(np.asarray(temperature))} if (
                           np.ndim(temperature)) else set()) | ({len(names)} if names else set())
            count = max(lengths, default=1)
        blocks = Blocks(module, model, instance, count, temperature, terminals=terminals,
                        names=names, simulator=Simulator(gmin=gmin, tnom=tnom))
        patterns = blocks.patterns()
        if len(patterns) > 1:
            ways = "; ".join(f"{len(some)} like {blocks._name(int(some[0]))}"  # noqa: SLF001
                             for _, some in patterns)
            raise ParameterError(
                f"instances of module `{module.name}` have nodes in common in different ways "
                f"({ways}): give those parameters of resistances the same zeros, or use "
                "`OsdiBatch.split`")
        self._prepare(blocks, *patterns[0])

    @classmethod
    def split(cls, blocks: Blocks) -> list[OsdiBatch]:
        """Return batches of all instances; `index` of each has which they are."""
        found = []
        for nodes, some in blocks.patterns():
            one = object.__new__(cls)
            one._prepare(blocks, nodes, some)
            found.append(one)
        return found

    def _prepare(self, blocks: Blocks, live: tuple[int, ...], some: Ints) -> None:
        self.module, self.blocks, self.live, self.index = blocks.module, blocks, live, some
        self.names = tuple(blocks.names[e] for e in some) if blocks.names else ()
        self.count = len(some)
        self.instances, self.models = blocks.instances[some], blocks.models[some]
        n = max(live, default=-1) + 1
        self.size = n
        first = [live.index(k) for k in range(n)]
        self.labels = tuple(self.module.nodes[k].name for k in first)
        self.flows = np.array([self.module.nodes[k].is_flow for k in first], dtype=bool)
        self._volts, self._sums = np.zeros(n + 1), np.zeros(n + 1)
        g_places, c_places = self._places(2), self._places(3)
        self.g_at, self.c_at = _ends(g_places), _ends(c_places)
        self._slopes = np.zeros(len(g_places) + 1)
        self._capacities = np.zeros(len(c_places) + 1)
        self._map(g_places, c_places)
        states = self.module.states
        self.old_states = np.zeros((self.count, states))
        self.new_states = np.zeros((self.count, states))
        self.limited = np.zeros(self.count, dtype=np.bool_)
        self._words = np.zeros(abi.INFO_SIZE // 8, dtype=np.int64)
        self._reals = self._words.view(np.float64)
        self._words[:4] = np.frombuffer(bytes(blocks.simulator.record), dtype=np.int64)
        self._words[5] = self._volts.ctypes.data
        functions = self.module.code.functions
        nothing = functions["load_residual_resist"]
        self._calls = tuple(functions[name] or nothing for name in _CALLS)
        self._blocks = self.instances, self.models
        self._evaluate: Any = _kernel()
        self._conditions = self._addressed(self.old_states)
        self._work = (
            self._volts, self._sums, self._slopes, self._capacities, self._sums.ctypes.data,
        )
        self._gmin = np.nan
        # an `idt` has its initial value in all static solutions; modules know these by a flag
        self.integrals = np.array(
            [k for k, name in enumerate(self.labels) if name.startswith("implicit_equation")], int)
        self._static = abi.AT_INITIAL if len(self.integrals) else 0
        self._at = np.asfortranarray(np.arange(n * self.count).reshape(n, self.count))

    # -- wiring --------------------------------------------------------------------------------

    def _places(self, part: int) -> dict[tuple[int, int], int]:
        """Return the entries of a matrix: resistive (2) or reactive (3)."""
        found: dict[tuple[int, int], int] = {}
        for entry in self.module.jacobian:
            row, column = self.live[entry[0]], self.live[entry[1]]
            if entry[part] and row >= 0 and column >= 0:
                found.setdefault((row, column), len(found))
        return found

    def _map(
        self, g_places: dict[tuple[int, int], int], c_places: dict[tuple[int, int], int]
    ) -> None:
        """Tell the instances where their nodes, entries and states are."""
        code, rows = self.module.code, np.asarray(self.index)
        data = self.blocks.data
        nodes = np.array([k if k >= 0 else self.size for k in self.live], dtype=np.uint32)
        _put(data, rows, code.node_mapping, nodes)
        pairs = [(self.live[r], self.live[c]) for r, c, _, _ in self.module.jacobian]
        resist = [self._slopes.ctypes.data + 8 * g_places.get(p, len(g_places)) for p in pairs]
        _put(data, rows, code.jacobian_pointers, np.array(resist, dtype=np.uint64))
        for p, offset in zip(pairs, code.react_pointers, strict=True):
            if offset >= 0:
                place = self._capacities.ctypes.data + 8 * c_places.get(p, len(c_places))
                _put(data, rows, offset, np.array([place], dtype=np.uint64))
        _put(data, rows, code.state_indices, np.arange(self.module.states, dtype=np.uint32))

    def stamp(self) -> Evaluated:
        """Return arrays for `evaluate_into`."""
        n, e = self.size, self.count
        shapes = ((n, e), (n, e), (len(self.g_at[0]), e), (len(self.c_at[0]), e))
        return Evaluated(*(np.zeros(shape, order="F") for shape in shapes))

    # -- evaluation ------------------------------------------------------------------------------

    def evaluate(
        self, x: ArrayLike, time: float = 0.0, *, analysis: str = "op", limit: bool = False,
        first: bool = False, noise: bool = False, variables: bool = False,
    ) -> Evaluated:
        """Return currents, charges and their derivatives at x.

        Parameters
        ----------
        x : (n, E) volt, or the flow's unit
            Of the live nodes.
        time : float, second
        analysis : {"op", "dc", "ac", "noise", "tran", "tran_op"}
        limit : bool
            Whether the module may limit its voltages, by the states of the evaluation that was
            accepted last (`old_states`); ``limited`` says where it did.
        first : bool
            With `limit`: whether it shall use its initial guess.
        noise, variables : bool
            Whether `noise_densities` and `values` are to be asked afterwards.

        Returns
        -------
        Evaluated
            New arrays; `evaluate_into` fills those that it is given.

        Raises
        ------
        ConvergenceError
            The module returns what is no finite number; the instance and its voltages are named.
        """
        given = np.asarray(x, dtype=np.float64)
        if given.shape != (self.size, self.count):
            raise ParameterError(
                f"`x` of shape {given.shape}: must be {(self.size, self.count)}, live nodes "
                f"({', '.join(self.labels)}) by instances")
        flat, found = np.append(given.ravel(), 0.0), self.stamp()
        bad = self.evaluate_into(
            flat, self._at, found, time, analysis=analysis, limit=limit, first=first,
            noise=noise, variables=variables)
        if bad >= 0:
            raise ConvergenceError(self.not_finite(bad, given[:, bad]))
        return found

    def evaluate_into(
        self, x: Array, at: Ints, out: Any, time: float = 0.0, *, analysis: str = "op",
        limit: bool = False, first: bool = False, noise: bool = False, variables: bool = False,
        states: Array | None = None,
    ) -> int:
        """Fill `out` (f, q, g, c, as `stamp` makes them) at x (N + 1,), at[k, e] its unknowns.

        Returns the first instance whose numbers are not finite, or -1. Arguments as of `evaluate`;
        `states` are used instead of `old_states`.
        """
        flags = _ALL | _ANALYSES[analysis]
        if flags & abi.AT_STATIC:
            flags |= self._static
        if limit and self.module.states:
            flags |= abi.LIMIT | (abi.FIRST_LIMIT if first else 0)
        if noise:
            flags |= abi.NOISE
        if variables:
            flags |= abi.VARIABLES
        self._reals[4] = time
        self._words[8] = flags
        conditions = self._conditions if states is None else self._addressed(states)
        bad, stopped = self._evaluate(
            self._calls, self._blocks, conditions, x, at, self._work,
            (out[0], out[1], out[2], out[3]), self.limited, limit)
        if stopped >= 0:
            raise ConvergenceError(
                f"{self._name(stopped)}: module `{self.module.name}` stops the simulation"
                f"{take_messages()}")
        return int(bad)

    def _addressed(self, states: Array) -> tuple[Any, ...]:
        """Return the conditions of an evaluation with the states from which it limits."""
        return (self._words, self._words.ctypes.data, states.ctypes.data,
                self.new_states.ctypes.data, 8 * self.module.states)

    def set_gmin(self, siemens: float) -> None:
        """Change what ``$simparam("gmin")`` finds in evaluations."""
        if siemens != self._gmin:
            self.blocks.simulator.set("gmin", siemens)
            self._gmin = siemens

    def not_finite(self, e: int, x: Array) -> str:
        """Return the message about an instance whose numbers are not finite at x (n,)."""
        where = ", ".join(
            f"{name} = {value:.6g}{'' if flow else ' V'}"
            for name, value, flow in zip(self.labels, x, self.flows, strict=True))
        return (f"{self._name(e)}: module `{self.module.name}` returns what is no finite number at "
                f"{where}: look for a division by 0, or a root or logarithm of a negative number, "
                f"in its source{take_messages()}")

    def _name(self, e: int) -> str:
        return self.blocks._name(int(self.index[e]))  # noqa: SLF001 - its own blocks

    def keep(self) -> None:
        """Make the states of the last evaluation those from which the next one limits."""
        if self.module.states:
            self.old_states[:] = self.new_states

    # -- after an evaluation -----------------------------------------------------------------------

    def noise_densities(self, hertz: float) -> Array:
        """Return the densities of the module's noise sources, (M, E), A^2/Hz or the row's unit.

        After an evaluation with ``noise=True``.
        """
        from .kernels_evaluation import noise  # noqa: PLC0415 - numba is heavy

        out = np.zeros((self.count, len(self.module.noise)))
        if out.size:
            noise(self.module.code.functions["load_noise"], self.instances, self.models, hertz,
                  out, out.ctypes.data)
        return out.T

    def values(self, names: Sequence[str] | None = None) -> dict[str, Array]:
        """Return operating-point variables by name, (E,), after ``evaluate(variables=True)``.

        Parameters
        ----------
        names : sequence of str, optional
            All that are numbers by default; instance parameters may be named, too.
        """
        from .kernels_evaluation import read_values  # noqa: PLC0415 - numba is heavy

        known = {p.name.lower(): p for p in self.module.variables}
        if names is None:
            wanted = list(self.module.variables)
        else:
            wanted = [known.get(n.lower()) or self.module.parameter(n) for n in names]
        wanted = [p for p in wanted if p.type != "string" and not p.length]
        out = np.zeros((len(wanted), self.count))
        for flags in (0, abi.INSTANCE):
            rows = [k for k, p in enumerate(wanted) if (p.kind != "model") == bool(flags)]
            if rows:
                part = np.zeros((len(rows), self.count))
                read_values(
                    self.module.code.functions["access"], self.instances, self.models,
                    np.array([wanted[k].index for k in rows], dtype=np.int64),
                    np.array([abi.TYPES.index(wanted[k].type) for k in rows], dtype=np.int64),
                    part, flags)
                out[rows] = part
        return {p.name: out[k] for k, p in enumerate(wanted)}

    def longest_step(self) -> float:
        """Return the least ``$bound_step`` of the last evaluation, second; inf without."""
        at = self.module.code.bound_step
        if at < 0 or not self.count:
            return np.inf
        steps = self.blocks.data[self.index, at:at + 8].copy().view(np.float64)
        return float(steps[steps > 0].min(initial=np.inf))


def _kernel() -> Any:
    from .kernels_evaluation import evaluate  # noqa: PLC0415 - numba is heavy

    return evaluate


def _ends(places: Mapping[tuple[int, int], int]) -> tuple[Ints, Ints]:
    return (np.array([r for r, _ in places], dtype=np.int64),
            np.array([c for _, c in places], dtype=np.int64))


def _put(data: NDArray[np.uint8], rows: Ints, offset: int, values: NDArray[Any]) -> None:
    """Write the same values into the data of instances."""
    if offset >= 0 and values.size:
        data[rows, offset:offset + values.nbytes] = values.view(np.uint8)
