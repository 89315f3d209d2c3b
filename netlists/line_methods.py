"""The methods of `Circuit` that add transmission lines."""

from __future__ import annotations

from typing import Any, Self

from ..core.errors import ParameterError
from ..core.settings import checks_arguments
from ..core.units import spice_number
from .elements import Element, Model, Value
from .models import find_model
from .sources import Source
from .urc import urc_elements

__all__ = ["LineMethods"]

_Port = tuple[object, object]


class LineMethods:
    """What `Circuit` has of transmission lines."""

    models: dict[str, Model]

    def node(self, name: object) -> str:
        """Return the node's own name."""
        raise NotImplementedError

    def add(self, element: Element) -> Self:
        """Add an element as it is."""
        raise NotImplementedError

    def _full(self, kind: str, name: object) -> str:
        raise NotImplementedError

    def _add(
        self, kind: str, name: object, nodes: tuple[object, ...], value: float, control: str = "",
        wave: Source | None = None, parameters: tuple[tuple[str, Value | str], ...] = (),
    ) -> Self:
        raise NotImplementedError

    def _modelled(
        self, kind: str, name: object, nodes: tuple[object, ...], model: str,
        kinds: tuple[str, ...], parameters: dict[str, Any], control: str = "",
    ) -> Self:
        raise NotImplementedError

    @checks_arguments
    def T(self, name: object, first: _Port, second: _Port, *, z0: object, td: object) -> Self:
        """Add an ideal line between two ports, pairs of nodes: `z0` ohm, `td` second."""
        given = (("z0", spice_number("z0", z0)), ("td", spice_number("td", td)))
        for key, value in given:
            if value <= 0:
                raise ParameterError(f"T {name}: `{key}` must be > 0; got {value!r}")
        return self._add("T", name, (*first, *second), 0.0, parameters=given)

    def O(  # noqa: E743
        self, name: object, first: _Port, second: _Port, model: str, *, ic: object = None,
        **parameters: object,
    ) -> Self:
        """Add a lossy line between two ports, pairs of nodes, of a model of kind ``"ltra"``.

        The line is solved exactly, not as lumps: by its two-port at an operating point and over
        frequency, by convolution in time (J. S. Roychowdhury and D. O. Pederson, DAC 1991).

        Parameters
        ----------
        name : str or int
        first, second : pair of nodes
        model : str
            Of ``r``, ``l``, ``g``, ``c`` per unit of ``len``: any with a resistance or an
            inductance.
        ic : four numbers, optional
            v1, i1, v2, i2 (volt, ampere into the line) at the start of a transient with ``uic``.
        **parameters
            ``m``: copies side by side.

        Examples
        --------
        A word line of 1,024 cells, 2.5 ohm and 0.2 fF each, behind a driver of 1 kilo-ohm: the
        time at which its far end is half way up (0.38 RC of the line, 0.69 of the driver's).

        >>> import numpy as np
        >>> from crossbarsim import Circuit, Pulse, Solver
        >>> circuit = Circuit("word line").model("wl", "ltra", r=2.5, c=0.2e-15, len=1024)
        >>> circuit.V(1, "in", 0, Pulse(0.0, 1.0, rise=1e-12, width=1.0)).R(1, "in", "a", 1e3).O(
        ...     1, ("a", 0), ("b", 0), "wl").R(2, "b", 0, "1g")
        Circuit('word line', 4 elements, 3 nodes)
        >>> run = Solver().transient(circuit, 3e-9, max_step=5e-12)
        >>> half = float(np.interp(0.5, run["v(b)"], run.time))
        >>> round(half * 1e9, 2)  # nanosecond
        0.35
        """
        found = dict(parameters)
        if ic is not None:
            values = tuple(ic) if isinstance(ic, (tuple, list)) else ()
            if len(values) != 4:
                raise ParameterError(f"O {name}: `ic` must be v1, i1, v2, i2; got {ic!r}")
            found |= dict(zip(("icv1", "ici1", "icv2", "ici2"), values, strict=True))
        return self._modelled("O", name, (*first, *second), model, ("ltra",), found)

    def U(
        self, name: object, first: object, second: object, reference: object, model: str,
        **parameters: object,
    ) -> Self:
        """Add a uniform RC line, written out as lumps, of a model of kind ``"urc"``.

        `reference` is the node to which its capacitance leads; `parameters` are its length ``l``,
        and perhaps the lumps of one half ``n`` and copies ``m``. Its elements are ``u1.rlo1`` and
        so on. A line `O` of r and c is exact, and solved in less time.
        """
        full = self._full("U", name)
        card = find_model(self.models, full, str(model), ("urc",))
        own = {key: spice_number(key, value) for key, value in parameters.items()}
        unknown = [key for key in own if key not in ("l", "n", "m")]
        if unknown:
            raise ParameterError(f"{full} has no parameter {unknown[0]!r}; there are l, m, n")
        nodes = [self.node(n) for n in (first, second, reference)]
        try:
            lumps, diode = urc_elements(full, nodes, card, own)
        except ParameterError as error:
            raise ParameterError(f"{full}: {error}") from None
        if diode is not None:
            self.models[diode.name] = diode
        for element in lumps:
            self.add(element)
        return self
