"""A small language model of characters: GPT-2's blocks, trained in about a minute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..core.errors import ParameterError
from ..core.progress import Progress, shared
from ..core.settings import Settings, checks_arguments
from ..core.validation import count
from .data.text import CharacterText

__all__ = ["CharacterModel", "LanguageSettings", "trained_language_model"]


@dataclass(frozen=True, kw_only=True)
class LanguageSettings(Settings):
    """Shape and training of the model.

    Parameters
    ----------
    width, heads, blocks : int
        Of the transformer; `heads` divide `width`.
    steps, batch : int
        Of training; a batch is so many examples from anywhere in the text.
    learning_rate : float
        Peak of the one-cycle schedule (AdamW).
    seed : int
        Of the initial weights and the examples.

    Raises
    ------
    ParameterError
        Any value out of range, with the field's name.
    """

    width: int = 128
    heads: int = 4
    blocks: int = 2
    steps: int = 400
    batch: int = 32
    learning_rate: float = 3e-3
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("width", "heads", "blocks", "batch"):
            count(name, getattr(self, name))
        for name in ("steps", "seed"):
            count(name, getattr(self, name), low=0)
        if self.width % self.heads:
            raise ParameterError(f"`heads` must divide `width` = {self.width}; got {self.heads}")
        if not 0 < self.learning_rate < 1:
            raise ParameterError(
                f"`learning_rate` must be between 0 and 1; got {self.learning_rate!r}"
            )


class _Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        b, t, width = x.shape
        q, k, v = self.qkv(self.ln_1(x)).view(b, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.proj(y.transpose(1, 2).reshape(b, t, width))
        y = self.down(F.gelu(self.up(self.ln_2(x))))
        result: Tensor = x + y
        return result


@checks_arguments
class CharacterModel(nn.Module):
    """A decoder like GPT-2 (Radford et al., 2019): tokens (B, T) to logits (B, T, words).

    Parameters
    ----------
    words : int
        Size of the alphabet.
    length : int
        Tokens that it sees at most.
    settings : LanguageSettings

    Raises
    ------
    ParameterError
        Sizes below 1.
    """

    def __init__(self, words: int, length: int, settings: LanguageSettings) -> None:
        super().__init__()
        count("words", words)
        count("length", length)
        width = settings.width
        self.words, self.places = nn.Embedding(words, width), nn.Embedding(length, width)
        self.blocks = nn.Sequential(
            *(_Block(width, settings.heads) for _ in range(settings.blocks))
        )
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, words)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the logits of the token after each."""
        x = self.words(tokens) + self.places.weight[: tokens.shape[1]]
        logits: Tensor = self.head(self.norm(self.blocks(x)))
        return logits


@checks_arguments
def trained_language_model(
    text: CharacterText, settings: LanguageSettings | None = None, *, progress: Progress = None,
    on_step: Callable[[int, float], None] | None = None,
) -> CharacterModel:
    """Train a model of characters on the first part of a text.

    The same text and settings give the same weights, on the same machine and number of threads;
    torch's own random numbers stay as they are.

    Parameters
    ----------
    text : CharacterText
    settings : LanguageSettings, optional
    progress
        As of `Study.run`.
    on_step : callable, optional
        Gets every step's number and cross-entropy, nat.

    Returns
    -------
    CharacterModel
        In evaluation mode.

    Examples
    --------
    >>> from crossbarsim.studies import LanguageSettings, load_text, trained_language_model
    >>> losses = []
    >>> model = trained_language_model(
    ...     load_text(length=16), LanguageSettings(width=16, heads=2, blocks=1, steps=20),
    ...     on_step=lambda step, loss: losses.append(loss))
    >>> losses[-1] < losses[0]
    True
    """
    chosen = settings or LanguageSettings()
    tokens, length = text.training, text.length
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(chosen.seed)
        model = CharacterModel(len(text.alphabet), length, chosen)
        descent = torch.optim.AdamW(model.parameters(), lr=chosen.learning_rate)
        rate = torch.optim.lr_scheduler.OneCycleLR(
            descent, chosen.learning_rate, total_steps=max(chosen.steps, 1), pct_start=0.1
        )
        with shared("training", progress) as done:
            for step in range(chosen.steps):
                starts = torch.randint(len(tokens) - length, (chosen.batch, 1))
                found = tokens[starts + torch.arange(length + 1)]
                logits = model(found[:, :-1])
                loss = F.cross_entropy(logits.flatten(0, 1), found[:, 1:].flatten())
                descent.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]  # torch's
                descent.step()
                rate.step()
                if on_step is not None:
                    on_step(step, float(loss.detach()))
                if done is not None:
                    done((step + 1) / chosen.steps)
    return model.eval()
