"""A model's laws as one compiled function of voltage, states and parameters."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from ...core.errors import ParameterError
from ...core.laws.differentiate import Source, differentiate
from ...core.laws.translate import translate

__all__ = ["call_text", "evaluate_text", "law_source", "noise_text", "translated"]

Places: TypeAlias = Mapping[str, str]
"""What stands for an argument of a law: ``x_gap`` is ``x[0]``, a free ``p_r_on`` is ``p[3]``."""


def law_source(
    model: type[Any], states: Sequence[str], parameters: Mapping[str, int],
    choices: Mapping[str, Sequence[str]], prefix: str = "", free: Sequence[str] = (),
) -> str:
    """Return source of ``evaluate(v, x, p, out)`` and of what it calls.

    With S states, `out` is filled with rows of 2 + S numbers: current, then the rate of every
    state, each followed by its derivatives with respect to v and to every state. ``conduct(v, x, p,
    out)`` fills the first row alone, ``rates(v, x, p, out, f)`` the S rates alone. ``noise(v, x, p,
    i, out)`` fills the S amplitudes of the states' white noise.

    With F parameters in `free` there is also ``sensitivities(v, x, p, out)``, of which each row
    goes on with the F derivatives with respect to them.
    """
    source = Source(prefix=prefix)
    count = len(states)
    names: dict[str, Any] = {"states": states, "parameters": parameters, "choices": choices}
    used = translated(model, source, names)
    inner = "inner_d" in used
    places = {f"x_{state}": f"x[{k}]" for k, state in enumerate(states)}
    step = float(getattr(model, "inner_step", 0.0))
    solve = _inner_solve(used["inner_d"], places, prefix, step) if inner else []
    for title, rates in (("conduct", False), ("evaluate", True)):
        source.functions[prefix + title] = evaluate_text(
            places, used, prefix, solve, name=prefix + title, rates=rates
        )
    if count <= 1:
        source.functions[f"{prefix}scalar_laws"] = _scalar(
            source.functions[f"{prefix}evaluate"], prefix, count
        )
    source.functions[f"{prefix}rates"] = _rates(places, used, prefix)
    source.functions[f"{prefix}noise"] = noise_text(places, used, prefix)
    if free:
        _add_sensitivities(model, source, places, prefix, free, names, used.get("inner_d"))
    return source.text()


def translated(
    model: type[Any], source: Source, names: Mapping[str, Any], *, values: bool = False
) -> dict[str, list[str]]:
    """Add a model's laws to `source`; return the arguments of each.

    ``current_d``, ``rate_d`` and ``inner_d`` come with derivatives, ``current_v`` and ``rate_v``
    without, of models with an inner unknown only where `values` are asked for.
    """
    count = len(names["states"])
    inner = getattr(model, "inner_law", None)
    unknown = ["y"] if inner is not None else []

    def add(name: str, law: Callable[..., Any], scalars: Sequence[str], *, derive: bool) -> None:
        if derive:
            used[name] = differentiate(law, source.prefix + name, source, scalars=scalars, **names)
        else:
            used[name] = translate(law, source.prefix + name, source, **names)

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
    if values or (count and rate is not None and inner is None):
        add("current_v", model.current_law, ["v", *unknown], derive=False)
        if count and rate is not None:
            add("rate_v", rate, ["v", "i", *unknown], derive=False)
    return used


def _add_sensitivities(
    model: type[Any], source: Source, places: Places, prefix: str, free: Sequence[str],
    names: Mapping[str, Any], inner: list[str] | None,
) -> None:
    """Add the laws with derivatives by parameters, too, and what evaluates them.

    The laws themselves are differentiated, also those whose model gives its own derivatives: these
    are none by parameters.
    """
    own = Source(prefix=f"{prefix}q_")
    used: dict[str, list[str]] = {}
    unknown = ["y"] if inner is not None else []
    laws = [("inner_d", "inner_law", ["v", "y"]), ("current_d", "current_law", ["v", *unknown]),
            ("rate_d", "rate_law", ["v", "i", *unknown])]
    for name, attribute, scalars in laws:
        if hasattr(model, attribute) and (places or name != "rate_d"):
            used[name] = differentiate(
                getattr(model, attribute), own.prefix + name, own, scalars=scalars, free=free,
                **names
            )
    source.functions |= own.functions
    more = {f"p_{name}": f"p[{names['parameters'][name]}]" for name in free}
    solve = [] if inner is None else [
        *_inner_solve(inner, places, prefix, float(getattr(model, "inner_step", 0.0))),
        f"    g = {call_text(own.prefix + 'inner_d', used['inner_d'], {**places, **more})}",
    ]
    source.functions[f"{prefix}sensitivities"] = evaluate_text(
        {**places, **more}, used, own.prefix, solve, name=f"{prefix}sensitivities"
    )


def call_text(name: str, arguments: Sequence[str], places: Places) -> str:
    """Return the text of a law's call."""
    return f"{name}({', '.join([*(places.get(a, a) for a in arguments), 'p'])})"


def _partials(arguments: Sequence[str], result: str, at: int) -> dict[str, str]:
    """Return the text of the derivatives by each argument, which start at ``result[at]``."""
    return {name: f"{result}[{at + k}]" for k, name in enumerate(arguments)}


def evaluate_text(
    places: Places, used: Mapping[str, list[str]], prefix: str, solve: Sequence[str], *,
    name: str, rates: bool = True,
) -> str:
    """Return source of the laws with total derivatives by v and by all that is in `places`.

    `solve` are the lines that find the inner unknown.
    """
    seeds = ["v", *places]
    count, width = sum(seed.startswith("x_") for seed in places), 1 + len(seeds)
    lines = [f"def {name}(v, x, p, out):", *solve]
    inner = "inner_d" in used
    if inner:
        lines += _inner_slopes(used["inner_d"], places)
    arguments = used["current_d"]
    lines += [f"    c = {call_text(prefix + 'current_d', arguments, places)}", "    i = c[0]"]
    if "current_p" in used:
        lines.append(f"    cp = {call_text(prefix + 'current_p', used['current_p'], places)}")
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
        lines.append(f"    r = {call_text(prefix + 'rate_d', arguments, places)}")
        own = "rate_p" not in used
        step = 1 + len(arguments) if own else 1
        if not own:
            lines.append(f"    rp = {call_text(prefix + 'rate_p', used['rate_p'], places)}")
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


def _inner_solve(
    arguments: Sequence[str], places: Places, prefix: str, step: float
) -> list[str]:
    """Solve inner_law(v, x, p, y) = 0 for y between 0 and v: Newton, kept in the bracket.

    With a `step`, volt, the bracket is the first step above 0 V with a change of sign: the branch
    of a folded curve that begins at rest.
    """
    call = call_text(f"{prefix}inner_d", arguments, places)
    slope = _partials(arguments, "g", 1)["y"]
    return [
        "    low, high = min(0.0, v), max(0.0, v)", "    y = 0.5 * v",
        *([f"    y = {step}", "    while y < high:", f"        if {call}[0] > 0.0:",
           "            high = y", "            break", "        low = y", f"        y += {step}",
           "    y = 0.5 * (low + high)"] if step else []),
        f"    g = {call}", "    e = 4.0 * abs(g[0])",
        "    for _ in range(200):",
        "        if g[0] > 0.0:", "            high = y", "        else:", "            low = y",
        f"        z = y - g[0] / {slope}",
        # on the steep side of an exponential Newton's steps are all alike
        "        crawls = abs(g[0]) > 0.3 * e and abs(z - y) > 1e-3 * abs(v)",
        "        e = abs(g[0])",
        "        if crawls or not (low <= z <= high):", "            z = 0.5 * (low + high)",
        "        close = abs(z - y) <= 4e-16 * abs(v)",
        "        y = z", f"        g = {call}",
        "        if close or g[0] == 0.0:", "            break",
    ]


def _inner_slopes(arguments: Sequence[str], places: Places) -> list[str]:
    by = _partials(arguments, "g", 1)
    return [
        f"    y_{k} = -({by.get(seed, '0.0')}) / {by['y']}"
        for k, seed in enumerate(["v", *places])
    ]


def _rates(places: Places, used: Mapping[str, list[str]], prefix: str) -> str:
    lines = [f"def {prefix}rates(v, x, p, out, f):"]
    count, width = len(places), 2 + len(places)
    if "rate_v" not in used:  # inner unknowns are solved with derivatives anyway
        lines.append(f"    {prefix}evaluate(v, x, p, out)")
        lines += [f"    f[{s}] = out[{width * (s + 1)}]" for s in range(count)]
        return "\n".join(lines)
    lines += [
        f"    i = {call_text(prefix + 'current_v', used['current_v'], places)}[0]",
        f"    r = {call_text(prefix + 'rate_v', used['rate_v'], places)}",
        *(f"    f[{s}] = r[{s}]" for s in range(count)),
    ]
    return "\n".join(lines)


def noise_text(places: Places, used: Mapping[str, list[str]], prefix: str) -> str:
    """Return source of ``noise(v, x, p, i, out)``."""
    lines = [f"def {prefix}noise(v, x, p, i, out):"]
    if "noise_d" not in used:
        return "\n".join([*lines, "    pass"])
    lines.append(f"    a = {call_text(prefix + 'noise_d', used['noise_d'], places)}")
    lines += [f"    out[{s}] = a[{s}]" for s in range(len(places))]
    return "\n".join(lines)
