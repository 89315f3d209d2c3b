"""Small-signal analyses of circuits: a part of `Solver`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import ParameterError
from ..netlists.analyses import Ac, Noise, Points, Sens, Tf
from ..netlists.circuit import Circuit

if TYPE_CHECKING:
    from .circuit.analyses.ac import Spectrum
    from .circuit.analyses.noise import NoiseSpectrum
    from .circuit.analyses.sensitivities import Sensitivities, SensitivitySpectrum
    from .circuit.analyses.transfer_function import TransferFunction

__all__ = ["SmallSignals"]

_PROBE = re.compile(r"\s*([vi])\s*\(\s*([^,()]+?)\s*(?:,\s*([^,()]+?)\s*)?\)\s*", re.IGNORECASE)


class SmallSignals:
    """What `Solver` does with circuits linearised at their operating point."""

    def ac(
        self, circuit: Circuit, frequencies: Any, *, save: Any = None,
        temperature: float | None = None,
    ) -> Spectrum:
        r"""Return the response to the sources' ``ac`` amplitudes.

        (G + j w C) x = b at every frequency, G and C those of the operating point; delays of ideal
        lines are exact.

        Parameters
        ----------
        circuit : Circuit
        frequencies : (F,) array, hertz >= 0, or `Points`
        save : sequence of str, optional
            What to keep, such as ``"v(out)"``; default: everything.
        temperature : float, kelvin, optional
            Instead of the circuit's.

        Returns
        -------
        Spectrum
            ``result["v(out)"]`` (F,) complex, ``result["vdb(out)"]``, ``["vp(out)"]`` (radian).

        Raises
        ------
        ConvergenceError, SingularCircuitError

        Examples
        --------
        >>> from crossbarsim import Solver, read_spice
        >>> circuit = read_spice("low-pass\nV1 in 0 ac 1\nR1 in out 1k\nC1 out 0 1u\n")
        >>> abs(Solver().ac(circuit, [159.15494309])["v(out)"]).round(6).tolist()
        [0.707107]
        """
        from .circuit.analyses.ac import ac  # noqa: PLC0415 - imports numba

        _check(circuit)
        return ac(circuit, Ac(_points(frequencies)), save=save, temperature=temperature)

    def noise(
        self, circuit: Circuit, output: str, source: str, frequencies: Any, *,
        temperature: float | None = None,
    ) -> NoiseSpectrum:
        """Return the noise at `output`, and what of it stands for at `source`.

        Parameters
        ----------
        circuit : Circuit
        output : str
            ``"v(out)"`` or ``"v(a,b)"``.
        source : str
            An independent source.
        frequencies : (F,) array, hertz > 0, or `Points`
        temperature : float, kelvin, optional

        Returns
        -------
        NoiseSpectrum
            ``result["onoise_spectrum"]``, ``["inoise_spectrum"]``, ``["onoise_r1"]``,
            ``["onoise_total"]``, ...
        """
        from .circuit.analyses.noise import noise  # noqa: PLC0415 - imports numba

        _check(circuit)
        return noise(
            circuit, Noise(_probe(output), source, _points(frequencies)), temperature=temperature
        )

    def transfer_function(
        self, circuit: Circuit, output: str, source: str, *, temperature: float | None = None
    ) -> TransferFunction:
        """Return the gain from `source` to `output` at the operating point, and both resistances.

        Parameters
        ----------
        circuit : Circuit
        output : str
            ``"v(out)"``, ``"v(a,b)"`` or ``"i(v1)"``.
        source : str
        temperature : float, kelvin, optional
        """
        from .circuit.analyses.transfer_function import tf  # noqa: PLC0415 - imports numba

        _check(circuit)
        return tf(circuit, Tf(_probe(output), source), temperature=temperature)

    def sensitivities(
        self, circuit: Circuit, output: str, frequencies: Any = None, *,
        temperature: float | None = None,
    ) -> Sensitivities | SensitivitySpectrum:
        """Return the derivatives of `output` by every parameter of every element.

        Parameters
        ----------
        circuit : Circuit
        output : str
            ``"v(out)"``, ``"v(a,b)"`` or ``"i(v1)"``.
        frequencies : (F,) array, hertz, or `Points`, optional
            Of the complex amplitude over frequency; default: of the operating point.
        temperature : float, kelvin, optional

        Returns
        -------
        Sensitivities or SensitivitySpectrum
            ``result["r1"]``, ``result["q1:bf"]`` (of the model card), ``result["m1_w"]``.
        """
        from .circuit.analyses.sensitivities import sens  # noqa: PLC0415 - imports numba

        _check(circuit)
        points = None if frequencies is None else _points(frequencies)
        return sens(circuit, Sens(_probe(output), points), temperature=temperature)


def _check(circuit: Any) -> None:
    if not isinstance(circuit, Circuit):
        raise ParameterError(f"`circuit` must be a Circuit; got {type(circuit).__name__}")


def _points(frequencies: Any) -> Points:
    if isinstance(frequencies, Points):
        return frequencies
    try:
        found = np.atleast_1d(np.asarray(frequencies, dtype=float))
    except (TypeError, ValueError):
        raise ParameterError(f"`frequencies` must be numbers; got {frequencies!r}") from None
    if found.ndim != 1 or not len(found) or not np.isfinite(found).all() or (found < 0).any():
        raise ParameterError("`frequencies` must be a vector of finite numbers >= 0 hertz")
    return Points("list", listed=tuple(map(float, found)))


def _probe(output: Any) -> tuple[str, ...]:
    match = _PROBE.fullmatch(output) if isinstance(output, str) else None
    if match is None or (match[1].lower() == "i" and match[3]):
        raise ParameterError(f"`output` must look like v(out), v(a,b) or i(v1); got {output!r}")
    if match[1].lower() == "i":
        return ("i", match[2].lower())
    return ("v", match[2].lower(), (match[3] or "0").lower())
