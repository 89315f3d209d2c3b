"""The methods of `Circuit` that add compiled Verilog-A modules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from ..core.errors import ParameterError
from ..core.settings import checks_arguments
from .circuit_view import CircuitView
from .elements import Element, Model
from .line_methods import LineMethods
from .osdi import Module
from .osdi.values import instance_values, model_values
from .spice.cards import CARDS

__all__ = ["ModuleMethods"]


class ModuleMethods(LineMethods, CircuitView):
    """What `Circuit` has of compiled modules, and of lines."""

    @checks_arguments
    def verilog_a_model(self, name: str, module: Module, **parameters: object) -> Self:
        """Add a model card of a compiled Verilog-A module.

        Parameters
        ----------
        name : str
        module : Module
            Of `crossbarsim.load_verilog_a` or `load_osdi`: ``library.module()``.
        **parameters
            Of the model, and of its instances where they say nothing themselves; numbers, or
            texts. ``allow_hidden_state=True`` runs a module that keeps values between evaluations,
            in transients with a largest step of their own only.

        Raises
        ------
        ParameterError
            A parameter that the module has not, with those like it.
        """
        if (key := name.lower()) in self.models:
            raise ParameterError(f"the circuit already has a model {name!r}")
        plain = {n.removesuffix("_"): v for n, v in parameters.items()}
        values = model_values(module, plain, whose=f"model {name}")
        self.models[key] = Model(key, module.name.lower(), 1, values, module=module)
        return self

    @checks_arguments
    def verilog_a(
        self, name: object, nodes: Sequence[object], model: str | Module, **parameters: object
    ) -> Self:
        """Add an instance of a compiled Verilog-A module, SPICE's element N.

        Parameters
        ----------
        name : str or int
        nodes : sequence of str or int
            One for each terminal, in the module's order. Terminals at the end may be left out
            where the module is made for that (``$port_connected``).
        model : str or Module
            The name of a model added by `verilog_a_model`, or a module with its own defaults.
        **parameters
            Of the instance; ``m``, how many in parallel; ``temp``, Celsius; ``dtemp``, kelvin.

        Raises
        ------
        ParameterError
            More nodes than terminals, parameters that the module has not.

        Examples
        --------
        >>> from crossbarsim import Circuit, Simulator, load_verilog_a
        >>> module = load_verilog_a("diode.va").module()  # doctest: +SKIP
        >>> circuit = Circuit().V(1, "in", 0, 1.0).R(1, "in", "a", "1k")  # doctest: +SKIP
        >>> circuit.verilog_a_model("dx", module, is_=1e-14).verilog_a(
        ...     1, ["a", 0], "dx", area=2.0)  # doctest: +SKIP
        """
        full = self._full("N", name)
        if isinstance(model, Module):
            key = model.name.lower()
            if key in CARDS or (key in self.models and self.models[key].module is not model):
                raise ParameterError(
                    f"{full}: the circuit has another model {key!r}: give the module a name of its "
                    "own by `verilog_a_model`")
            if key not in self.models:
                self.verilog_a_model(key, model)
        else:
            key = model.lower()
        card = self.models.get(key)
        if card is None or card.module is None:
            there = ", ".join(n for n, m in self.models.items() if m.module) or "none"
            raise ParameterError(
                f"{full}: there is no model {key!r} of a compiled module; there are: {there}")
        module: Any = card.module
        check_terminals(full, module, len(nodes))
        plain = {n.removesuffix("_"): v for n, v in parameters.items()}
        found = instance_values(module, plain, whose=full)
        return self.add(Element(
            "N", full, tuple(self.node(n) for n in nodes), 0.0, parameters=tuple(found.items()),
            model=key))


def check_terminals(name: str, module: Module, count: int) -> None:
    """Refuse a number of nodes that a module cannot have."""
    there = len(module.terminals)
    if not min(2, there) <= count <= there:  # nothing flows through one node alone
        raise ParameterError(
            f"{name} has {count} nodes; module `{module.name}` has {there} "
            f"terminals: {', '.join(module.terminals)}")
