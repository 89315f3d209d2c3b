"""Texts as characters: one that is shipped, and anyone's own.

``alice.txt`` is Lewis Carroll's *Alice's Adventures in Wonderland* (London, 1865; the author died
in 1898), which is in the public domain.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from ...core.errors import ParameterError
from ...core.settings import checks_arguments
from ...core.validation import count
from ...core.views.brief import brief_repr
from .errors import DataError

__all__ = ["CharacterText", "load_text"]


@checks_arguments
@dataclass(frozen=True, eq=False)
class CharacterText:
    """A text cut into characters: its first part to learn from, the last to be held out.

    Parameters
    ----------
    text : str
    length : int
        Characters of an example.
    held_out : float
        Share of the text that is held out, at its end.

    Raises
    ------
    ParameterError
        A text of which a part has no whole example; values out of range.

    Examples
    --------
    >>> from crossbarsim.studies import CharacterText
    >>> text = CharacterText("To be, or not to be. " * 10, length=16, held_out=0.2)
    >>> text.alphabet, [tuple(t.shape) for t in text.examples.tensors]
    (' ,.Tbenort', [(2, 16), (2, 16)])
    """

    text: str
    length: int = 64
    held_out: float = 0.1

    __repr__ = brief_repr

    def __post_init__(self) -> None:
        count("length", self.length)
        if not 0.0 < self.held_out < 1.0:
            raise ParameterError(f"`held_out` must be between 0 and 1; got {self.held_out!r}")
        for part, rest in (("held-out", self._rest), ("first", self.training)):
            if len(rest) <= self.length:
                raise ParameterError(
                    f"`text`: its {part} part has {len(rest)} characters, too few for an example "
                    f"of {self.length} and the character after it"
                )

    @cached_property
    def alphabet(self) -> str:
        """All characters of the text, sorted: their places are the tokens."""
        return "".join(sorted(set(self.text)))

    @cached_property
    def tokens(self) -> Tensor:
        """The text as places in the alphabet."""
        place = {character: k for k, character in enumerate(self.alphabet)}
        return torch.tensor([place[character] for character in self.text])

    @property
    def _cut(self) -> int:
        return round(len(self.text) * (1.0 - self.held_out))

    @property
    def training(self) -> Tensor:
        """Tokens to learn from."""
        return self.tokens[: self._cut]

    @property
    def _rest(self) -> Tensor:
        return self.tokens[self._cut :]

    @property
    def examples(self) -> TensorDataset:
        """Held-out pairs: tokens (length,), and those that follow each of them (length,)."""
        rest = self._rest
        whole = (len(rest) - 1) // self.length * self.length
        return TensorDataset(
            rest[:whole].reshape(-1, self.length), rest[1 : whole + 1].reshape(-1, self.length)
        )


@checks_arguments
def load_text(
    path: str | Path | None = None, *, length: int = 64, held_out: float = 0.1
) -> CharacterText:
    r"""Return a text file as characters.

    Parameters
    ----------
    path : path, optional
        In UTF-8; default: *Alice's Adventures in Wonderland*, in the public domain.
    length, held_out
        As in `CharacterText`.

    Raises
    ------
    DataError
        A file that cannot be read.
    ParameterError
        As `CharacterText`.

    Examples
    --------
    >>> from crossbarsim.studies import load_text
    >>> text = load_text()
    >>> text.text[:45]
    'CHAPTER I\n\nDown the Rabbit-Hole\n\n  Alice was '
    """
    where = Path(__file__).with_name("alice.txt") if path is None else Path(path)
    try:
        text = where.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(where, f"cannot be read as text: {error}") from error
    return CharacterText(text, length=length, held_out=held_out)
