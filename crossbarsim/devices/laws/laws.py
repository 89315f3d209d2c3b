"""A model's laws as one compiled function of voltage, states and parameters."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...core.errors import ParameterError
from ...core.laws.differentiate import Source, differentiate
from ...core.laws.translate import translate

__all__ = ["law_source"]


def law_source(
    model: type[Any], states: Sequence[str], parameters: Mapping[str, int],
    choices: Mapping[str, Sequence[str]], prefix: str = "",
) -> str:
    """Return source of ``evaluate(v, x, p, out)`` and of what it calls.

    With S states, `out` is filled with rows of 2 + S numbers: current, then the rate of every
    state, each followed by its derivatives with respect to v and to every state. ``conduct(v, x, p,
    out)`` fills the first row alone, ``rates(v, x, p, out, f)`` the S rates alone. ``noise(v, x, p,
    i, out)`` fills the S amplitudes of the states' white noise.
    """
    source = Source(prefix=prefix)
    count = len(states)
    inner = getattr(model, "inner_law", None)
    unknown = ["y"] if inner is not None else []

    def add(name: str, law: Callable[..., Any], scalars: Sequence[str], *, derive: bool) -> None:
        names: dict[str, Any] = {"states": states, "parameters": parameters, "choices": choices}
        if derive:
            used[name] = differentiate(law, prefix + name, source, scalars=scalars, **names)
        else:
            used[name] = translate(law, prefix + name, source, **names)

    used: dict[str, list[str]] = {}
    partials = getattr(model, "current_partials", None)
    add("current_d", model.current_law, ["v", *unknown], derive=partials is None)
    if partials is not None:
        add("current_p", partials, ["v", *unknown], derive=False)
    if inner is not None:
        add("inner_d", inner, ["v", "y"], derive=True)
    rate = getattr(model, "rate_law", None)
    if count and rate is None:
        raise ParameterError(f"{model.__name__} has states but no rate_law")
    rate_partials = getattr(model, "rate_partials", None)
    if rate is not None and count:
        add("rate_d", rate, ["v", "i", *unknown], derive=rate_partials is None)
        if rate_partials is not None:
            add("rate_p", rate_partials, ["v", "i", *unknown], derive=False)
    noise = getattr(model, "noise_law", None)
    if noise is not None:
        add("noise_d", noise, ["v", "i"], derive=False)
    if count and rate is not None and inner is None:
        add("current_v", model.current_law, ["v"], derive=False)
        add("rate_v", rate, ["v", "i"], derive=False)
    step = float(getattr(model, "inner_step", 0.0))
    source.functions[f"{prefix}conduct"] = _evaluate(states, used, prefix, step, rates=False)
    source.functions[f"{prefix}evaluate"] = _evaluate(states, used, prefix, step)
    if count <= 1:
        source.functions[f"{prefix}scalar_laws"] = _scalar(
            source.functions[f"{prefix}evaluate"], prefix, count
        )
    source.functions[f"{prefix}rates"] = _rates(states, used, prefix)
    source.functions[f"{prefix}noise"] = _noise(states, used, prefix)
    return source.text()


def _call(name: str, arguments: Sequence[str], states: Sequence[str]) -> str:
    values = [f"x[{states.index(a[2:])}]" if a.startswith("x_") else a for a in arguments]
    return f"{name}({', '.join([*values, 'p'])})"


def _partials(arguments: Sequence[str], result: str, at: int) -> dict[str, str]:
    """Return the text of the derivatives by each argument, which start at ``result[at]``."""
    return {name: f"{result}[{at + k}]" for k, name in enumerate(arguments)}


def _evaluate(
    states: Sequence[str], used: Mapping[str, list[str]], prefix: str, step: float, *,
    rates: bool = True,
) -> str:
    inner = "inner_d" in used
    count, width = len(states), 2 + len(states)
    lines = [f"def {prefix}{'evaluate' if rates else 'conduct'}(v, x, p, out):"]
    seeds = ["v", *(f"x_{s}" for s in states)]
    if inner:
        lines += _inner_lines(used["inner_d"], states, seeds, prefix, step)
    arguments = used["current_d"]
    lines += [f"    c = {_call(prefix + 'current_d', arguments, states)}", "    i = c[0]"]
    if "current_p" in used:
        lines.append(f"    cp = {_call(prefix + 'current_p', used['current_p'], states)}")
        by = _partials(used["current_p"], "cp", 0)
    else:
        by = _partials(arguments, "c", 1)
    for k, seed in enumerate(seeds):
        text = by.get(seed, "0.0")
        if inner and "y" in by:
            text += f" + {by['y']} * y_{k}"
        lines += [f"    i_{k} = {text}", f"    out[{1 + k}] = i_{k}"]
    lines.append("    out[0] = i")
    if count and rates:
        arguments = used["rate_d"]
        lines.append(f"    r = {_call(prefix + 'rate_d', arguments, states)}")
        own = "rate_p" not in used
        step = 1 + len(arguments) if own else 1
        if not own:
            lines.append(f"    rp = {_call(prefix + 'rate_p', used['rate_p'], states)}")
        for s in range(count):
            base = width * (s + 1)
            lines.append(f"    out[{base}] = r[{s * step}]")
            if own:
                by = _partials(arguments, "r", s * step + 1)
            else:
                given = used["rate_p"]
                by = _partials(given, "rp", s * len(given))
            for k, seed in enumerate(seeds):
                text = by.get(seed, "0.0")
                if "i" in by:
                    text += f" + {by['i']} * i_{k}"
                if inner and "y" in by:
                    text += f" + {by['y']} * y_{k}"
                lines.append(f"    out[{base + 1 + k}] = {text}")
    return "\n".join(lines)


def _scalar(evaluate: str, prefix: str, count: int) -> str:
    """Return the laws as ``scalar_laws``, nothing in arrays: (v, x, p) -> six numbers.

    Without states (v, p) -> current and slope.
    """
    head = f"def {prefix}scalar_laws({'v, x, p' if count else 'v, p'}):"
    body = evaluate.split("\n", 1)[1].replace("x[0]", "x")
    body = re.sub(r"\bout\[(\d+)\]", r"o_\1", body)
    return f"{head}\n{body}\n    return {', '.join(f'o_{k}' for k in range(6 if count else 2))}"


def _inner_lines(
    arguments: Sequence[str], states: Sequence[str], seeds: Sequence[str], prefix: str, step: float
) -> list[str]:
    """Solve inner_law(v, x, p, y) = 0 for y between 0 and v: Newton, kept in the bracket.

    With a `step`, volt, the bracket is the first step above 0 V with a change of sign: the branch
    of a folded curve that begins at rest.
    """
    call = _call(f"{prefix}inner_d", arguments, states)
    by = _partials(arguments, "g", 1)
    lines = [
        "    low, high = min(0.0, v), max(0.0, v)", "    y = 0.5 * v",
        *([f"    y = {step}", "    while y < high:", f"        if {call}[0] > 0.0:",
           "            high = y", "            break", "        low = y", f"        y += {step}",
           "    y = 0.5 * (low + high)"] if step else []),
        f"    g = {call}",
        "    for _ in range(200):",
        "        if g[0] > 0.0:", "            high = y", "        else:", "            low = y",
        f"        z = y - g[0] / {by['y']}",
        "        if not (low <= z <= high):", "            z = 0.5 * (low + high)",
        "        close = abs(z - y) <= 4e-16 * abs(v)",
        "        y = z", f"        g = {call}",
        "        if close or g[0] == 0.0:", "            break",
    ]
    lines += [
        f"    y_{k} = -({by.get(seed, '0.0')}) / {by['y']}" for k, seed in enumerate(seeds)
    ]
    return lines


def _rates(states: Sequence[str], used: Mapping[str, list[str]], prefix: str) -> str:
    lines = [f"def {prefix}rates(v, x, p, out, f):"]
    if "rate_v" not in used:  # inner unknowns are solved with derivatives anyway
        width = 2 + len(states)
        lines.append(f"    {prefix}evaluate(v, x, p, out)")
        lines += [f"    f[{s}] = out[{width * (s + 1)}]" for s in range(len(states))]
        return "\n".join(lines)
    lines += [
        f"    i = {_call(prefix + 'current_v', used['current_v'], states)}[0]",
        f"    r = {_call(prefix + 'rate_v', used['rate_v'], states)}",
        *(f"    f[{s}] = r[{s}]" for s in range(len(states))),
    ]
    return "\n".join(lines)


def _noise(states: Sequence[str], used: Mapping[str, list[str]], prefix: str) -> str:
    lines = [f"def {prefix}noise(v, x, p, i, out):"]
    if "noise_d" not in used:
        return "\n".join([*lines, "    pass"])
    lines.append(f"    a = {_call(prefix + 'noise_d', used['noise_d'], states)}")
    lines += [f"    out[{s}] = a[{s}]" for s in range(len(states))]
    return "\n".join(lines)
