"""Training of a network on its crossbars from where calibration left it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from ....core.errors import ParameterError
from ....core.progress import Progress, metered
from ....core.settings import checks_arguments
from ....core.validation import as_float, shown
from ...calibrate import calibrate, evaluating, stored_names
from ...layers import CrossbarLayer
from ..lazy import lazy_matrices
from ..noise import weight_noise
from .checkpoint import Checkpoint, checkpoint_path
from .corrections import TrainedRanges, gathered
from .recipe import Epoch, FinetuneConfig, Finetuned

__all__ = ["finetune"]

_CALIBRATION = 8  # batches of the loader, where nothing else is given
Score = Callable[[nn.Module], float]


@checks_arguments
def finetune(
    model: nn.Module, loader: Iterable[Any], config: FinetuneConfig | None = None, *,
    validation: Iterable[Any] | Callable[[nn.Module], float],
    loss: Callable[[nn.Module, Any], Tensor] | None = None,
    calibration: Iterable[Any] | None = None,
    forward: Callable[[nn.Module, Any], Any] | None = None,
    checkpoint: str | Path | None = None,
    progress: Progress = None,
) -> Finetuned:
    """Train a converted network so that it does well on its crossbars, wires and all.

    The training begins with the network corrected (`calibrate` with a gain and an offset per
    output, unless it has them already), and the corrections, and the ranges of inputs and
    converters, are trained with the weights: weights that are trained without them first undo what
    they do. Gradients are those of the circuit, exact every few steps and followed in between
    (`lazy_matrices`), straight-through where converters round. After every epoch the network is
    validated, exactly and without the training's noise; the best state stays, so that the network
    never ends below the corrected one on the validation.

    Parameters
    ----------
    model : torch.nn.Module
        A converted network; changed in place. Parameters that ask for no gradient stay as they are.
    loader : iterable
        Batches, such as (inputs, labels); gone through once per epoch.
    config : FinetuneConfig, optional
    validation : iterable or callable
        Batches (inputs, labels), of which the share that the network labels rightly is the score;
        or ``validation(model)`` returns a score, of which more is better. Take held-out data that
        no table is made of.
    loss : callable, optional
        ``loss(model, batch)``; default: the cross entropy of a batch (inputs, labels).
    calibration : iterable, optional
        Batches for `calibrate`; default: the first eight of the loader.
    forward : callable, optional
        ``forward(model, batch)``, for `calibrate` and models that take something else than one
        tensor.
    checkpoint : path, optional
        A file (.npz) that is written after every epoch, made with its folder; where it is there
        already, the training goes on from it, with the same steps as if it had never stopped (a
        loader that shuffles must take its order from torch's own generator).
    progress : Progress

    Returns
    -------
    Finetuned

    Raises
    ------
    ParameterError
        No crossbar layers, a loader or a validation that brings nothing, a loss that is not
        finite, a score that is no number, a checkpoint that is no .npz file, cannot be written or
        is of another training.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from crossbarsim import Wires
    >>> from crossbarsim.nn import CrossbarConfig, convert
    >>> from crossbarsim.nn.train import FinetuneConfig, finetune
    >>> _ = torch.manual_seed(0)
    >>> x = torch.randn(128, 16)
    >>> batches = [(part, (part[:, 0] > part[:, 1]).long()) for part in x.split(32)]
    >>> chip = convert(nn.Sequential(nn.Linear(16, 2)), CrossbarConfig(wires=Wires(50.0, 50.0)))
    >>> done = finetune(chip, batches, FinetuneConfig(epochs=4, learning_rate=0.03),
    ...                 validation=batches)
    >>> done.best > done.corrected, done.best_epoch > 0
    (True, True)
    """
    config = config or FinetuneConfig()
    matrices = stored_names(model)
    if isinstance(loader, Tensor):
        raise ParameterError("`loader` must bring batches; got a tensor: give [(x, y)]")
    batches = list(loader) if iter(loader) is loader else loader
    if isinstance(loss, type):
        raise ParameterError(
            "`loss` must be a function of the model and a batch; got the class "
            f"{loss.__name__}: give one that applies it, such as lambda model, batch: ..."
        )
    score = _score(validation)
    own_loss = loss or _cross_entropy
    path = None if checkpoint is None else checkpoint_path(checkpoint)
    with metered(progress) as meter:
        if any(stored.ranges.gain is None for stored in matrices.values()):
            calibrate(
                model, list(islice(batches, _CALIBRATION)) if calibration is None else calibration,
                correct="tiles" if config.correction == "tiles" else True, forward=forward,
            )
        run = _Run(model, config, batches, own_loss)
        saved = None if path is None else Checkpoint(
            path, model, run.optimiser, config, run.trained
        )
        epochs: list[Epoch] = []
        best, corrected = 0, 0.0
        found = None if saved is None else saved.load()
        if found is not None:
            epochs, best, corrected = list(found.epochs), found.best_epoch, found.corrected
        else:
            corrected = score(model)
        kept = _state(model) if saved is None or found is None else saved.best
        meter.begin("fine-tuning", config.epochs, len(epochs))
        for number in range(len(epochs), config.epochs):
            own = run.epoch(number, score)
            epochs.append(own)
            result = Finetuned(config, corrected, tuple(epochs), best)
            if own.score > result.best:
                best, kept = number + 1, _state(model)
                result = Finetuned(config, corrected, tuple(epochs), best)
            if saved is not None:
                saved.save(result, kept)
            meter.advance("fine-tuning", f"score {own.score:.4f}")
        model.load_state_dict(kept)
    return Finetuned(config, corrected, tuple(epochs), best)


class _Run:
    """The optimiser, what it optimises, and one epoch of it."""

    def __init__(
        self, model: nn.Module, config: FinetuneConfig, batches: Iterable[Any],
        loss: Callable[[nn.Module, Any], Tensor],
    ) -> None:
        self.model, self.config, self.batches, self.loss = model, config, batches, loss
        self.trained = {
            name: TrainedRanges(stored, digital_bias=bias)
            for name, stored, bias in _with_bias(model)
        }
        self.linear = all(one.stored.config.linear for one in self.trained.values())
        groups = [
            ([p for p in model.parameters() if p.requires_grad], config.learning_rate,
             config.weight_decay),
            ([p for _, p in gathered(self.trained, "correction")], config.correction_rate, 0.0),
            ([p for _, p in gathered(self.trained, "logarithms")], config.range_rate, 0.0),
        ]
        self.groups = [
            {"params": parameters, "lr": rate, "peak": rate, "weight_decay": decay}
            for parameters, rate, decay in groups if parameters and rate
        ]
        if not self.groups:
            raise ParameterError(
                "there is nothing to train: all rates are 0, or no parameter asks for a gradient"
            )
        self.optimiser = torch.optim.AdamW(self.groups)

    def epoch(self, number: int, score: Score) -> Epoch:
        """Train for an epoch, and validate."""
        config = self.config
        total, steps, largest = 0.0, 0, 0.0
        parameters = [p for group in self.optimiser.param_groups for p in group["params"]]
        with ExitStack() as stack:
            stack.enter_context(torch.random.fork_rng(devices=[]))
            torch.manual_seed(_seed(config.seed, number))
            stack.callback(self._fix)
            stack.enter_context(_mode(self.model, training=config.mode == "training"))
            if config.noise:
                stack.enter_context(
                    weight_noise(self.model, config.noise, seed=_seed(config.seed, number))
                )
            lazy = None
            if self.linear:
                lazy = stack.enter_context(lazy_matrices(
                    self.model, config.exact_every, rtol=config.follow_rtol
                ))
            length = self._length()
            for batch in islice(self.batches, config.batches):
                self._set_rates(number * length + steps, config.epochs * length)
                value, norm = self._step(batch, parameters)
                total, largest, steps = total + value, max(largest, norm), steps + 1
            if not steps:
                raise ParameterError("`loader` brought no batch")
        return Epoch(
            total / steps, score(self.model), largest,
            0.0 if lazy is None else lazy.saved, 0.0 if lazy is None else lazy.worst,
        )

    def _fix(self) -> None:
        for one in self.trained.values():
            one.fix()

    def _length(self) -> int:
        """Return the steps of an epoch."""
        try:
            whole = len(self.batches)  # type: ignore[arg-type]  # where it has none: below
        except TypeError:
            whole = self.config.batches or sum(1 for _ in self.batches)
        return max(1, min(whole, self.config.batches or whole))

    def _set_rates(self, step: int, steps: int) -> None:
        factor = self.config.rate(step, steps)
        for group in self.optimiser.param_groups:
            group["lr"] = group["peak"] * factor

    def _step(self, batch: Any, parameters: list[Tensor]) -> tuple[float, float]:
        for one in self.trained.values():
            one.apply()
        self.optimiser.zero_grad()
        value = self.loss(self.model, batch)
        if not isinstance(value, Tensor) or value.numel() != 1:
            raise ParameterError("`loss` must return one number, a tensor")
        if not torch.isfinite(value):
            raise ParameterError(
                f"the loss is {float(value.detach())}: lower the rates, or look at the inputs"
            )
        value.backward()  # type: ignore[no-untyped-call]  # torch's
        bound = self.config.clip
        norm = torch.nn.utils.clip_grad_norm_(
            parameters, float("inf") if bound is None else bound
        )
        self.optimiser.step()
        return float(value.detach()), float(norm)


def _with_bias(model: nn.Module) -> Iterator[tuple[str, Any, bool]]:
    """Yield every stored matrix with its name, and whether its layer adds a digital bias."""
    names = {id(stored): name for name, stored in stored_names(model).items()}
    for layer in model.modules():
        if isinstance(layer, CrossbarLayer):
            for stored, _, bias in layer.stored_matrices():
                digital = bias is not None and bias.requires_grad and not stored.on_chip_bias
                yield names[id(stored)], stored, digital


def _seed(seed: int, epoch: int) -> int:
    return seed * 1_000_003 + epoch


def _state(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


@contextmanager
def _mode(model: nn.Module, *, training: bool) -> Iterator[None]:
    before = [(module, module.training) for module in model.modules()]
    model.train(training)
    try:
        yield
    finally:
        for module, was in before:
            module.training = was


def _cross_entropy(model: nn.Module, batch: Any) -> Tensor:
    inputs, labels = _pair("loader", batch)
    return nn.functional.cross_entropy(model(inputs), labels)


def _pair(name: str, batch: Any) -> tuple[Tensor, Tensor]:
    if not isinstance(batch, (tuple, list)) or len(batch) != 2 or not all(
        isinstance(part, Tensor) for part in batch
    ):
        raise ParameterError(
            f"`{name}` must bring batches (inputs, labels) of tensors, unless `loss` (or, of a "
            "validation, a function) takes something else"
        )
    return batch[0], batch[1]


def _score(validation: Iterable[Any] | Score) -> Score:
    """Return what scores a model."""
    if isinstance(validation, type):
        raise ParameterError(
            "`validation` must be batches (inputs, labels) or a function that returns a score of "
            f"the model; got the class {validation.__name__}"
        )
    if callable(validation):
        def checked(model: nn.Module) -> float:
            with torch.no_grad(), evaluating(model):
                value: Any = validation(model)
            if isinstance(value, Tensor) and value.numel() == 1:  # a mean, as metrics give
                value = value.item()
            real = as_float(value)
            if real is None or math.isnan(real):
                raise ParameterError(
                    "`validation` must return a number, of which more is better; got "
                    f"{shown(value)}"
                )
            return real

        return checked
    if isinstance(validation, Tensor):
        raise ParameterError("`validation` must bring batches (inputs, labels); got a tensor")
    batches = list(validation) if iter(validation) is validation else validation

    def accuracy(model: nn.Module) -> float:
        right = seen = 0
        with torch.no_grad(), evaluating(model):
            for batch in batches:
                inputs, labels = _pair("validation", batch)
                right += int((model(inputs).argmax(dim=1) == labels).sum())
                seen += len(labels)
        if not seen:
            raise ParameterError("`validation` brought no batch")
        return right / seen

    return cast("Score", accuracy)
