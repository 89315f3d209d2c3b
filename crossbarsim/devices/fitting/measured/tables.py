"""Sweeps from files that instruments export, and from tables of pandas."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from ....core.errors import NetlistError, ParameterError
from ....core.settings import checks_arguments
from ....core.validation import Array, number, real_array
from .columns import Block, Column, bare_name, find, power_of
from .sweeps import MeasuredSweep

__all__ = ["as_sweeps", "read_blocks", "read_sweeps", "sweeps_of_table"]

Row: TypeAlias = list[str]

_CYCLE = r"^(sweep|cycle|loop|run|repeat|zyklus|iteration)([ _-]?(no|number|index|nr|#))?\.?$"
_DEVICE = r"^(device|cell|die|dut|sample|bauteil|probe)([ _-]?(id|name|no))?\.?$"
_ABSOLUTE = re.compile(r"\babs|\|\s*(i|curr\w*)\s*\|", re.IGNORECASE)
_OVERFLOW = 9e37  # what SCPI instruments write for no number


@checks_arguments
def read_sweeps(
    path: str | Path, *, voltage: Column = None, current: Column = None, time: Column = None,
    rate: float | None = None, interval: float | None = None, compliance: ArrayLike = np.inf,
    device: str = "", start: str = "auto", decimal: str = "auto",
) -> tuple[MeasuredSweep, ...]:
    r"""Read the sweeps of a text file: Keysight, Keithley, Tektronix and plain tables.

    Lines before the table are skipped, a header is found by itself, with units such as "Current
    (mA)"; commas, semicolons, tabs or blanks separate, decimal commas are seen where no comma
    separates. A new sweep begins with a new table, where the time goes back, and where a column
    such as "cycle" changes; it starts where the one before ended. A column such as "device" says
    whose a sweep is. Magnitudes of currents, such as "AbsI" or "|I|", get the voltage's sign.

    Parameters
    ----------
    path : path
    voltage, current, time : str or int, optional
        Columns: the header, with or without its unit, or the place from 0. Default: found by name.
    rate : float, volt per second, optional
        Of the ramp, where there are no times.
    interval : float, second, optional
        From point to point, where there are no times.
    compliance : float, ampere
        As of `MeasuredSweep`.
    device : str
        Whose sweeps these are, where no column says so.
    start : str
        Of each first sweep, as of `MeasuredSweep`.
    decimal : {"auto", ".", ","}

    Returns
    -------
    tuple of MeasuredSweep

    Raises
    ------
    NetlistError
        Names the file and the line: no table, a number that is none, an instrument's overflow.
    ParameterError
        Columns that are not found or not unique, or no times.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from crossbarsim.devices import read_sweeps
    >>> text = "Sample 7;;\nTime (ms);Voltage (V);Current (uA)\n0;0,0;0\n1;0,5;12,5\n2;1,0;50\n"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "loop.csv")
    ...     size = file.write_text(text, encoding="utf-8")
    ...     (sweep,) = read_sweeps(file)
    >>> sweep.t.tolist(), sweep.i.tolist()
    ([0.0, 0.001, 0.002], [0.0, 1.25e-05, 5e-05])
    """
    blocks = read_blocks(Path(path), decimal)
    options: dict[str, Any] = {
        "wanted": {"voltage": voltage, "current": current, "time": time}, "rate": rate,
        "interval": interval, "compliance": compliance, "device": device, "start": start,
    }
    found: list[MeasuredSweep] = []
    for block in blocks:
        found += _sweeps(block, str(path), **options)
    return _joined(found)


def sweeps_of_table(table: Any, **options: Any) -> tuple[MeasuredSweep, ...]:
    """Return the sweeps of a pandas table; options as of `read_sweeps`."""
    names = [str(name) for name in table.columns]
    block = Block(names, [table[name].tolist() for name in table.columns], 1)
    wanted = {key: options.pop(key, None) for key in ("voltage", "current", "time")}
    settings = {"rate": None, "interval": None, "compliance": np.inf, "device": "",
                "start": "auto", **options}
    return _joined(_sweeps(block, "", wanted=wanted, **settings))


def _joined(found: list[MeasuredSweep]) -> tuple[MeasuredSweep, ...]:
    """Let each sweep of a device start where the one before ended."""
    for k in range(1, len(found)):
        if found[k].start == "auto" and found[k - 1].device == found[k].device:
            one = found[k]
            found[k] = MeasuredSweep(one.time, one.voltage, one.current, one.compliance, one.device,
                             "last", one.name, one.file)
    return tuple(found)


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise NetlistError(f"cannot be read: {error.strerror}", file=str(path)) from error
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")  # instruments' own


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _blocks(text: str, file: str, decimal: str) -> list[Block]:
    """Return the tables of a file."""
    lines = text.splitlines()
    best: tuple[tuple[int, int], list[Block]] = ((0, 0), [])
    for separator in ("\t", ";", ",", "  ", None):
        if separator == "," and decimal == ",":
            continue
        comma = decimal == "," or (decimal == "auto" and separator != ",")
        blocks = _tables([_cells(line, separator, comma=comma) for line in lines])
        size = sum(len(b.columns) * len(b.columns[0]) for b in blocks)
        named = sum(any(b.names) for b in blocks)
        if (size, named) > best[0]:
            best = (size, named), blocks
    if not best[1]:
        raise NetlistError("no table with two columns of numbers or more", file=file)
    return best[1]


def _cells(line: str, separator: str | None, *, comma: bool) -> Row:
    line = line.strip("\r\n")
    line = re.sub(r"^\s*[#%]+\s*", "", line)  # headers that are comments
    if separator == "  ":
        parts = re.split(r"\s{2,}", line.strip())
    elif separator is None:  # a unit belongs to the word before it
        parts = re.sub(r"\s+([\[(][^\])]*[\])])", r"\1", line).split()
    else:
        parts = line.split(separator)
    cells = [cell.strip().strip('"').strip() for cell in parts]
    if comma:  # decimal commas
        cells = [cell.replace(",", ".") if re.fullmatch(r"[-+]?\d*,\d+([eE][-+]?\d+)?", cell)
                 else cell for cell in cells]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _tables(rows: Sequence[Row]) -> list[Block]:
    """Return the blocks of rows of one width with two numbers or more, and their headers."""
    blocks: list[Block] = []
    k = 0
    names: Row | None = None
    while k < len(rows):
        width = len(rows[k])
        if not _is_data(rows[k]):
            k += 1
            continue
        end = k
        while end < len(rows) and len(rows[end]) == width and _is_data(rows[end]):
            end += 1
        if end - k >= 2:
            names = _header(rows, k, width) or (
                names if names is not None and len(names) == width else None)
            body = [list(column) for column in zip(*rows[k:end], strict=True)]
            blocks.append(Block(names or [""] * width, body, k + 1))
        k = end
    # numbers above the headers, such as an instrument's settings, are no table
    return [b for b in blocks if any(b.names)] or blocks


def _is_data(row: Row) -> bool:
    """Whether a row holds two numbers or more, and fewer words than numbers."""
    numbers = sum(_number(cell) is not None for cell in row)
    words = sum(bool(cell) and _number(cell) is None for cell in row)
    return numbers >= 2 and words < numbers


def _header(rows: Sequence[Row], k: int, width: int) -> Row | None:
    """Return the names above a table, with a line of units below them where there is one."""
    above: list[Row] = []
    for row in reversed(rows[max(k - 3, 0):k]):
        words = [cell for cell in row if cell and _number(cell) is None]
        if len(row) == width and len(words) >= 2:
            above.append(row)
        elif row:
            break
    if not above:
        return None
    units = [re.fullmatch(r"[\[(]?([fpnuµμmkM]?)(s|V|A)[\])]?", cell) for cell in above[0]]
    if len(above) > 1 and any(units):
        return [f"{name} ({unit.group(1)}{unit.group(2)})" if unit else name
                for name, unit in zip(above[1], units, strict=True)]
    return above[0]


def _values(block: Block, k: int, quantity: str, file: str) -> Array:
    power = power_of(block.names[k], quantity)
    found = np.empty(len(block.columns[k]))
    for m, cell in enumerate(block.columns[k]):
        value = _number(cell) if isinstance(cell, str) else float(cell)
        if value is None or not abs(value) < _OVERFLOW:
            raise NetlistError(
                f"{cell!r} is no {quantity}" + (
                    ", but an instrument's mark for an overflow: leave the line out"
                    if value is not None else ""),
                file=file or None, line=block.line + m,
            )
        # a quotient of decimals is rounded as the decimal would be
        found[m] = value / 10.0**-power if power < 0 else value * 10.0**power
    return found


def _sweeps(
    block: Block, file: str, *, wanted: Mapping[str, Column], rate: float | None,
    interval: float | None, compliance: ArrayLike, device: str, start: str,
) -> list[MeasuredSweep]:
    places = {q: find(block, q, wanted[q], needed=q != "time") for q in wanted}
    v = _values(block, places["voltage"] or 0, "voltage", file)
    i = _values(block, places["current"] or 0, "current", file)
    name = block.names[places["current"] or 0]
    if _ABSOLUTE.search(name) and not np.any(i < 0):
        i = np.copysign(i, v)  # a memristive device takes power: the sign is the voltage's
    t = None if places["time"] is None else _values(block, places["time"], "time", file)
    if t is None and (rate is None) == (interval is None):
        raise ParameterError(
            f"{file or '`data`'}: no column is the time: give the ramp's `rate`, volt per second, "
            "or the `interval` from point to point"
        )
    names = [bare_name(name)[0].casefold() for name in block.names]
    marks = {key: next((block.columns[k] for k, name in enumerate(names)
                        if re.match(pattern, name)), None) for key, pattern in (
                ("cycle", _CYCLE), ("device", _DEVICE))}
    cuts = [0]
    for k in range(1, len(v)):
        changed = any(m is not None and m[k] != m[k - 1] for m in marks.values())
        if changed or (t is not None and t[k] < t[k - 1]):
            cuts.append(k)
    limits = real_array("compliance", compliance)
    found = []
    for a, b in zip(cuts, [*cuts[1:], len(v)], strict=True):
        if b - a < 2:
            raise NetlistError(
                "a sweep of one point: the next one begins in the line after it, where the time "
                "goes back or the cycle changes; sort the table by time",
                file=file or None, line=block.line + a)
        owner = str(marks["device"][a]) if marks["device"] is not None else device
        options: dict[str, Any] = {
            "compliance": limits[a:b] if limits.ndim else float(limits), "device": owner,
            "start": start, "file": file,
        }
        if t is not None:
            times = t[a:b]
            if np.any(np.diff(times) == 0):
                k = int(np.argmax(np.diff(times) == 0))
                raise NetlistError(
                    f"two points at {times[k]:g} s", file=file or None, line=block.line + a + k + 1
                )
            found.append(MeasuredSweep(times, v[a:b], i[a:b], **options))
        elif rate is not None:
            found.append(MeasuredSweep.ramp(v[a:b], i[a:b], rate, **options))
        else:
            step = number("interval", interval, low=0.0, open_low=True, unit="s")
            found.append(MeasuredSweep(step * np.arange(b - a), v[a:b], i[a:b], **options))
    return found


def as_sweeps(data: Any) -> tuple[MeasuredSweep, ...]:
    """Return the sweeps of what `fit` takes as `data`.

    Raises
    ------
    ParameterError
        Anything else than sweeps, (time, voltage, current), or a table with such columns.
    """
    if isinstance(data, MeasuredSweep):
        return (data,)
    if hasattr(data, "columns") and hasattr(data, "to_numpy"):
        return sweeps_of_table(data)
    if isinstance(data, tuple) and len(data) == 3 and not isinstance(data[0], MeasuredSweep):
        return (MeasuredSweep(*data),)
    found = tuple(data) if isinstance(data, (list, tuple)) else ()
    if not found:
        raise ParameterError(
            "`data` must be sweeps, (time, voltage, current) or a table; files are read by "
            f"`read_sweeps`; got {type(data).__name__}"
        )
    result: list[MeasuredSweep] = []
    for one in found:
        if isinstance(one, MeasuredSweep):
            result.append(one)
        elif isinstance(one, (tuple, list)) and len(one) == 3:
            result.append(MeasuredSweep(*one))
        elif hasattr(one, "columns"):
            result += sweeps_of_table(one)
        else:
            raise ParameterError(f"`data` holds {type(one).__name__}; expected MeasuredSweep(...)")
    return tuple(result)


def read_blocks(path: Path, decimal: str = "auto") -> list[Block]:
    """Return the tables of a text file, as strings under their headers; raises as `read_sweeps`."""
    if decimal not in ("auto", ".", ","):
        raise ParameterError(f'`decimal` must be "auto", "." or ","; got {decimal!r}')
    return _blocks(_text(path), str(path), decimal)
