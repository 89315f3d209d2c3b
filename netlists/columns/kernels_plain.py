"""Compiled loops over a deck's bytes: lines of plain elements, names and nodes.

Names are compared without regard to case; a text is UTF-8, and only lines of ASCII are plain.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.compiled.jit import leaf
from ...core.validation import Array

__all__ = [
    "WORD", "classes", "find_name", "first_seen", "hash_names", "index_names", "join_names", "scan",
]

Bytes = NDArray[np.uint8]
Ints = NDArray[np.integer[Any]]

WORD, BLANK = 1, 2  # classes of signs: of names (and of numbers without their signs), blanks
_FNV, _PRIME = np.uint64(14695981039346656037), np.uint64(1099511628211)
_SHIFT = np.uint64(29)
_NEWLINE, _STAR, _DOLLAR, _SEMICOLON, _SLASH, _BACKSLASH = 10, 42, 36, 59, 47, 92
_PLUS, _MINUS, _POINT, _CLOSE, _NULL, _NINE = 43, 45, 46, 41, 48, 57
_EXACT = 2**53
_LONGEST = 250  # signs of a number
_LARGEST = 280  # powers of ten; beyond, numbers may overflow


def classes() -> Bytes:
    """Return the class of every byte, (256,)."""
    found = np.zeros(256, np.uint8)
    for sign in b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.":
        found[sign] = WORD
    found[32] = found[9] = BLANK
    return found


@leaf
def _lower(c: int) -> int:
    return c + 32 if 65 <= c <= 90 else c


@leaf
def _hash(text: Bytes, at: int, length: int) -> Any:
    h = _FNV
    for k in range(at, at + length):
        h = (h ^ np.uint64(_lower(text[k]))) * _PRIME
    return h ^ (h >> _SHIFT)


@leaf
def _alike(text: Bytes, at: int, other: Bytes, there: int, length: int) -> bool:
    for k in range(length):  # noqa: SIM110 - compiled
        if _lower(text[at + k]) != _lower(other[there + k]):
            return False
    return True


@leaf
def _node(
    text: Bytes, at: int, length: int, table: Ints, node_at: Ints, node_length: Ints, count: int
) -> Any:
    """Return a node's number, `count` where it is new; ground is -1."""
    if length == 1 and text[at] == _NULL:
        return -1
    if length == 3 and _lower(text[at]) == 103 and _lower(text[at + 1]) == 110 and (
        _lower(text[at + 2]) == 100
    ):
        return -1
    mask = np.uint64(table.shape[0] - 1)
    k = np.int64(_hash(text, at, length) & mask)
    while table[k] >= 0:
        known = table[k]
        if node_length[known] == length and _alike(text, at, text, node_at[known], length):
            return known
        k = (k + 1) & np.int64(mask)
    table[k] = count
    node_at[count] = at
    node_length[count] = length
    return count


@leaf
def _number(text: Bytes, at: int, end: int, powers: Array, value: Array) -> int:
    """Read a number with its suffix; fill value[0] and return what its text is.

    0: no number here, 1: it is exact, 2: it has too many digits. value[1] is the place behind it.
    """
    k = at
    negative = False
    if text[k] == _PLUS or text[k] == _MINUS:
        negative = text[k] == _MINUS
        k += 1
    mantissa, digits, behind, some = np.int64(0), 0, 0, False
    while k < end and _NULL <= text[k] <= _NINE:
        some = True
        if digits or text[k] != _NULL:
            digits += 1
        if digits < 19:
            mantissa = mantissa * 10 + (text[k] - _NULL)
        k += 1
    if k < end and text[k] == _POINT:
        k += 1
        while k < end and _NULL <= text[k] <= _NINE:
            some = True
            if digits or text[k] != _NULL:
                digits += 1
            if digits < 19:
                mantissa = mantissa * 10 + (text[k] - _NULL)
            behind += 1
            k += 1
    if not some:
        return 0
    power = -behind
    if k < end and _lower(text[k]) == 101:  # e
        j = k + 1
        down = False
        if j < end and (text[j] == _PLUS or text[j] == _MINUS):
            down = text[j] == _MINUS
            j += 1
        if j < end and _NULL <= text[j] <= _NINE:
            exponent = 0
            while j < end and _NULL <= text[j] <= _NINE:
                exponent = min(exponent * 10 + (text[j] - _NULL), 100000)
                j += 1
            power += -exponent if down else exponent
            k = j
    rough = digits >= 19
    if k < end:
        c = _lower(text[k])
        after = _lower(text[k + 1]) if k + 1 < end else 0
        third = _lower(text[k + 2]) if k + 2 < end else 0
        if c == 116:
            power += 12
        elif c == 103:
            power += 9
        elif c == 109 and after == 101 and third == 103:  # meg
            power += 6
        elif c == 109 and after == 105 and third == 108:  # mil
            rough = True
        elif c == 107:
            power += 3
        elif c == 109:
            power -= 3
        elif c == 117:
            power -= 6
        elif c == 110:
            power -= 9
        elif c == 112:
            power -= 12
        elif c == 102:
            power -= 15
    while k < end and 97 <= _lower(text[k]) <= 122:  # the unit
        k += 1
    value[1] = k
    if k - at > _LONGEST or abs(power + digits) > _LARGEST or abs(power) > _LARGEST:
        return 0
    if mantissa == 0 and not rough:
        value[0] = -0.0 if negative else 0.0
        return 1
    if rough or mantissa > _EXACT or abs(power) > 22:
        value[0] = at
        return 2
    # one rounding of exact numbers: what Python's float gives
    size = mantissa * powers[power] if power >= 0 else mantissa / powers[-power]
    value[0] = -size if negative else size
    return 1


@leaf
def _word(text: Bytes, at: int, end: int, kinds: Bytes) -> int:
    while at < end and kinds[text[at]] == WORD:
        at += 1
    return at


@leaf
def _blanks(text: Bytes, at: int, end: int, kinds: Bytes) -> int:
    while at < end and kinds[text[at]] == BLANK:
        at += 1
    return at


@leaf
def _begins(text: Bytes, at: int, end: int, word: Bytes) -> bool:
    length = word.shape[0]
    return end - at >= length and _alike(text, at, word, 0, length)


@leaf
def scan(
    text: Bytes, first: int, least: int, kinds: Bytes, powers: Array, control: Bytes,
    letters: Bytes, name_at: Ints, name_length: Ints, ends: Ints, values: Array, rough: Bytes,
    lines: Ints, table: Ints, node_at: Ints, node_length: Ints, runs: Ints, value: Array,
) -> tuple[int, int, int]:
    """Find runs of lines of plain elements.

    A line belongs to one if nothing but comments and blank lines are between it and the next, and
    if nothing continues it.

    Parameters
    ----------
    text : (T,)
        Bytes of a deck.
    first : int
        Number of the first line.
    least : int
        Lines below which a run is none.
    kinds : (256,)
        Of signs, see `classes`.
    powers : (23,)
        Of ten.
    control : (8,)
        The word ``.control``.
    letters, name_at, name_length, values, rough, lines : (E,)
        To be filled: an element's letter (upper case), place and length of its name, its value, and
        its line. Where `rough` has a length instead of 0 the value is the place of a number that
        has to be read by other means.
    ends : (E, 2)
        To be filled: numbers of nodes, ground -1.
    table : (2^k,) of -1
        For more than twice as many nodes as there are.
    node_at, node_length : (N,)
        To be filled: place and length of nodes' names.
    runs : (R, 6)
        To be filled: elements from and to, bytes from and to, lines from and behind.
    value : (2,)
        Scratch.

    Returns
    -------
    tuple
        Numbers of elements, nodes, and runs.
    """
    size = text.shape[0]
    row, nodes, found = 0, 0, 0
    began, run_at, run_line = 0, 0, 0
    last_at, last_line = 0, 0
    running, controlled, goes_on = False, False, False
    at, line = 0, first
    while at <= size:
        end = at
        while end < size and text[end] != _NEWLINE:
            end += 1
        a = _blanks(text, at, end, kinds)
        b = end
        while b > a and kinds[text[b - 1]] == BLANK:
            b -= 1
        over = end >= size
        if a < b or over:
            c = text[a] if a < b else 0
            slashes = b - a >= 2 and c == _SLASH and text[a + 1] == _SLASH
            back = b - a >= 2 and text[b - 1] == _BACKSLASH and text[b - 2] == _BACKSLASH
            comment = not goes_on and (
                c in (_STAR, _DOLLAR, _SEMICOLON) or (slashes and not back)
            )
            plain = False
            if not comment and not controlled and not goes_on and not back and a < b:
                letter = _lower(c)
                passive = letter == 114 or letter == 99 or letter == 108  # r c l
                source = letter == 118 or letter == 105  # v i
                if (passive or source) and a + 1 < b and kinds[text[a + 1]] == WORD and (
                    text[a + 1] != _POINT
                ):
                    name_end = _word(text, a + 1, b, kinds)
                    one = _blanks(text, name_end, b, kinds)
                    one_end = _word(text, one, b, kinds)
                    two = _blanks(text, one_end, b, kinds)
                    two_end = _word(text, two, b, kinds)
                    number = _blanks(text, two_end, b, kinds)
                    if one > name_end and one_end > one and two > one_end and two_end > two and (
                        number > two_end and number < b and name_end - a < 60000
                        and one_end - one < 60000 and two_end - two < 60000
                    ):
                        if source and b - number > 3 and _lower(text[number]) == 100 and (
                            _lower(text[number + 1]) == 99 and kinds[text[number + 2]] == BLANK
                        ):
                            number = _blanks(text, number + 2, b, kinds)
                        signed = text[number] == _PLUS or text[number] == _MINUS
                        what = 0 if signed and passive else _number(text, number, b, powers, value)
                        stop = int(value[1])
                        rest = _blanks(text, stop, b, kinds) if what else b
                        plain = what > 0 and bool(
                            rest == b or text[rest] == _SEMICOLON
                            or (rest > stop and text[rest] == _DOLLAR)
                            or (rest > stop and b - rest >= 2 and text[rest] == _SLASH
                                and text[rest + 1] == _SLASH)
                        ) and not (passive and what == 1 and value[0] == 0.0)
                        if plain:
                            letters[row] = letter - 32
                            name_at[row], name_length[row] = a, name_end - a
                            values[row] = value[0]
                            rough[row] = stop - number if what == 2 else 0
                            lines[row] = line
                            k = _node(text, one, one_end - one, table, node_at, node_length, nodes)
                            nodes = max(nodes, k + 1)
                            ends[row, 0] = k
                            k = _node(text, two, two_end - two, table, node_at, node_length, nodes)
                            nodes = max(nodes, k + 1)
                            ends[row, 1] = k
            if plain:
                if not running:
                    running, began, run_at, run_line = True, row, at, line
                row += 1
                last_at, last_line = at, line
            elif not comment and (a < b or over):
                if running:
                    run_end, next_line = at, line
                    if c in (_PLUS, _CLOSE) or slashes:  # it continues the line before
                        row -= 1
                        run_end, next_line = last_at, last_line
                    if over and a == b:
                        run_end, next_line = size, line + 1
                    if row - began >= least:
                        runs[found, 0], runs[found, 1] = began, row
                        runs[found, 2], runs[found, 3] = run_at, run_end
                        runs[found, 4], runs[found, 5] = run_line, next_line
                        found += 1
                    else:
                        row = began
                    running = False
                if c == _POINT:
                    if _begins(text, a, b, control):
                        controlled = True
                    elif controlled and b - a >= 5 and _lower(text[a + 1]) == 101 and (
                        _lower(text[a + 2]) == 110 and _lower(text[a + 3]) == 100
                        and _lower(text[a + 4]) == 99
                        and (b - a == 5 or kinds[text[a + 5]] == BLANK)
                    ):
                        controlled = False
                goes_on = back
        at = end + 1
        line += 1
    if running and row - began >= least:  # the last line has no end, or is a comment
        runs[found, 0], runs[found, 1], runs[found, 2], runs[found, 3] = began, row, run_at, size
        runs[found, 4], runs[found, 5] = run_line, line
        found += 1
    elif running:
        row = began
    return row, nodes, found


@leaf
def index_names(text: Bytes, at: Ints, length: Ints, table: Ints) -> int:
    """Fill table (2^k,) of -1 with the places of names; return one that is there twice, or -1."""
    mask = np.uint64(table.shape[0] - 1)
    for row in range(at.shape[0]):
        k = np.int64(_hash(text, at[row], length[row]) & mask)
        while table[k] >= 0:
            known = table[k]
            if length[known] == length[row] and _alike(
                text, at[row], text, at[known], length[row]
            ):
                return row
            k = (k + 1) & np.int64(mask)
        table[k] = row
    return -1


@leaf
def find_name(text: Bytes, at: Ints, length: Ints, table: Ints, name: Bytes) -> Any:
    """Return the place of a name, or -1."""
    size = name.shape[0]
    mask = np.uint64(table.shape[0] - 1)
    k = np.int64(_hash(name, 0, size) & mask)
    while table[k] >= 0:
        known = table[k]
        if length[known] == size and _alike(name, 0, text, at[known], size):
            return known
        k = (k + 1) & np.int64(mask)
    return -1


@leaf
def hash_names(text: Bytes, at: Ints, length: Ints, out: NDArray[np.uint64]) -> None:
    """Fill out (E,) with hashes of names."""
    for row in range(at.shape[0]):
        out[row] = _hash(text, at[row], length[row])


@leaf
def join_names(text: Bytes, at: Ints, length: Ints, out: Bytes, *, lower: bool) -> None:
    """Fill out with names, a line each."""
    place = 0
    for row in range(at.shape[0]):
        for k in range(at[row], at[row] + length[row]):
            out[place] = _lower(text[k]) if lower else text[k]
            place += 1
        out[place] = _NEWLINE
        place += 1


@leaf
def first_seen(ends: Ints, seen: Bytes, out: Ints) -> int:
    """Fill out with the numbers of nodes in the order in which they come; return how many."""
    count = 0
    for row in range(ends.shape[0]):
        for k in range(2):
            node = ends[row, k]
            if node >= 0 and not seen[node]:
                seen[node] = 1
                out[count] = node
                count += 1
    return count
