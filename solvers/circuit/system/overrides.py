"""What a `Simulator` sets in place of what a circuit says: temperature and options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from ....core.errors import ParameterError
from ....core.validation import number
from ....netlists.circuit import Circuit
from ....netlists.read_anew import at_temperature
from ....netlists.spice.read.subcircuit_tree import did_you_mean
from .tolerances import Tolerances

__all__ = ["check_options", "overridden"]

# options that are looked at when a circuit is solved; the others count when a deck is read
_KNOWN = (
    *(field.name for field in fields(Tolerances)), "cshunt", "fourgridsize", "interp", "klu",
    "nfreqs", "rseries", "rshunt", "savecurrents",
)


def check_options(options: Mapping[str, Any]) -> dict[str, float | str]:
    """Return options with lower-case names and numbers in SI units.

    Raises
    ------
    ParameterError
        Names that no analysis looks at, values that cannot be.
    """
    for name in options:
        if not isinstance(name, str) or name.lower() not in _KNOWN:
            raise ParameterError(f"there is no option {name!r}{did_you_mean(str(name), _KNOWN)}")
    made = Circuit()
    made.options(**options)
    Tolerances.of(made.options)
    return dict(made.options)


def overridden(
    circuit: Circuit, temperature: float | None = None, options: Mapping[str, float | str] = {},
) -> Circuit:
    """Return the circuit at a temperature, kelvin, and with options of its own.

    A copy, unless there is nothing to set. Its deck knows, too: circuits that are written anew for
    other parameters keep both.

    Raises
    ------
    ParameterError
        A temperature that is not finite and > 0.
    """
    if temperature is None and not options:
        return circuit
    made = circuit.copy()
    if temperature is not None:
        kelvin = number("temperature", temperature, low=0.0, open_low=True, unit="kelvin")
        made = at_temperature(circuit, kelvin).copy()
    made.options.update(options)
    if made.deck is not None:
        own = made.deck.temperature if temperature is None else made.temperature
        made.deck = replace(
            made.deck, temperature=own, options={**made.deck.options, **options}
        )
    return made
