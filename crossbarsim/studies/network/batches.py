"""Held-out data as batches: pairs as torchvision has them, dicts as Hugging Face, loaders."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, RandomSampler
from torch.utils.data import Dataset as TorchDataset

from ...core.errors import ParameterError
from ...core.validation import count as whole
from ...core.validation import shown

__all__ = ["Batch", "batches_of", "outputs_of", "run_batch"]

_TARGETS = ("labels", "label", "targets", "target", "y")
_OUTPUTS = ("logits", "output", "outputs", "prediction_logits", "last_hidden_state")


@dataclass(frozen=True, eq=False)
class Batch:
    """Inputs of a model with what should come out.

    Attributes
    ----------
    inputs : tuple or dict
        Arguments of the model's ``forward``.
    targets : tensor or None
    causal : bool
        Whether the targets are the inputs themselves: each belongs to the output before it.
    """

    inputs: tuple[Any, ...] | dict[str, Any]
    targets: Tensor | None
    causal: bool = False

    def __len__(self) -> int:
        return len(self.first)

    @property
    def first(self) -> Any:
        """The first input."""
        inputs = self.inputs
        return next(iter(inputs.values())) if isinstance(inputs, dict) else inputs[0]


def batches_of(
    data: Any, *, batch: int = 128, examples: int | None = None, name: str = "data"
) -> list[Batch]:
    """Return all batches of `data`, in an order that is the same every time.

    Parameters
    ----------
    data : DataLoader, Dataset, or iterable of batches
        Batches are pairs ``(inputs, targets)``, longer tuples whose last is the targets, dicts with
        "labels", or inputs alone. A loader that shuffles is read in the data set's own order.
    batch : int
        Size of the batches of a data set.
    examples : int, optional
        So many from the first on; default: all.
    name : str
        What messages call it.

    Raises
    ------
    ParameterError
        Data of another kind; none; a loader that fails or ends before its own length, or before
        `examples`.
    """
    whole("batch", batch)
    if examples is not None:
        whole("examples", examples)
    source, expected = _source(data, batch, name)
    found: list[Batch] = []
    seen = 0
    for number, one in enumerate(_checked(source, name)):
        made = _batch(one, name, number)
        if examples is not None and seen + len(made) > examples:
            made = _cut(made, examples - seen)
        found.append(made)
        seen += len(made)
        if examples is not None and seen >= examples:
            break
    else:
        if expected is not None and len(found) < expected:
            raise ParameterError(f"`{name}` ended after {len(found)} of {expected} batches")
    if not seen:
        raise ParameterError(f"`{name}` holds no example")
    if examples is not None and seen < examples:
        raise ParameterError(f"`{name}` ended after {seen} of {examples} examples")
    return found


def _source(data: Any, batch: int, name: str) -> tuple[Iterable[Any], int | None]:
    """Return what brings batches, and how many it says there are."""
    if isinstance(data, DataLoader):
        if isinstance(data.sampler, RandomSampler) and data.batch_size is not None:
            data = DataLoader(data.dataset, data.batch_size, collate_fn=data.collate_fn,
                              drop_last=data.drop_last)
        return data, _length(data)
    if isinstance(data, (Tensor, str, bytes, Mapping)):
        raise ParameterError(
            f"`{name}` must bring batches: a DataLoader, a Dataset or a list of them; got "
            f"{type(data).__name__}"
        )
    if isinstance(data, (list, tuple)):
        return data, None
    if hasattr(data, "__getitem__") and hasattr(data, "__len__"):  # Hugging Face's have no base
        loader: DataLoader[Any] = DataLoader(data, batch)
        return loader, _length(loader)
    if isinstance(data, TorchDataset):
        return DataLoader(data, batch), None
    if isinstance(data, Iterable):
        return data, _length(data)
    raise ParameterError(
        f"`{name}` must bring batches: a DataLoader, a Dataset or a list of them; got "
        f"{type(data).__name__}"
    )


def _length(data: Any) -> int | None:
    try:
        return len(data)
    except (TypeError, NotImplementedError):
        return None


def _checked(source: Iterable[Any], name: str) -> Iterator[Any]:
    """Yield what a loader brings; an error of its own says where it came."""
    each = iter(source)
    for number in itertools.count():
        try:
            one = next(each)
        except StopIteration:
            return
        except Exception as error:
            raise ParameterError(
                f"`{name}` failed at batch {number}: {type(error).__name__}: {error}") from error
        yield one


def _batch(one: Any, name: str, number: int) -> Batch:
    where = f"batch {number} of `{name}`"
    if isinstance(one, Mapping):
        rest = dict(one)
        key = next((k for k in _TARGETS if k in rest), None)
        targets = None if key is None else rest.pop(key)
        if not rest:
            raise ParameterError(f"{where} has no inputs beside {key!r}")
        ids = rest.get("input_ids")
        causal = isinstance(ids, Tensor) and isinstance(targets, Tensor) and (
            targets.shape == ids.shape and bool(((targets == ids) | (targets == -100)).all()))
        made = Batch(rest, _targets(targets, where), causal)
    elif isinstance(one, Tensor):
        made = Batch((one,), None)
    elif isinstance(one, (tuple, list)) and one and isinstance(one[0], Tensor):
        made = Batch(tuple(one[:-1]), _targets(one[-1], where)) if len(one) > 1 else Batch(
            (one[0],), None)
    else:
        raise ParameterError(
            f'{where} must be a pair (inputs, targets), a dict with "labels" or inputs alone; '
            f"got {shown(one)}"
        )
    if not isinstance(made.first, Tensor) or made.first.ndim == 0:
        raise ParameterError(f"{where}: inputs must be tensors; got {type(made.first).__name__}")
    if made.targets is not None and len(made.targets) != len(made):
        raise ParameterError(
            f"{where} has {len(made)} inputs and {len(made.targets)} targets")
    return made


def _targets(given: Any, where: str) -> Tensor | None:
    if given is None:
        return None
    try:
        found = torch.as_tensor(given)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ParameterError(f"{where}: targets must be numbers: {error}") from None
    if found.ndim == 0:
        raise ParameterError(f"{where}: targets must be as many as inputs; got one number")
    return found


def _cut(one: Batch, count: int) -> Batch:
    def part(value: Any) -> Any:
        return value[:count] if isinstance(value, Tensor) and len(value) == len(one) else value

    inputs = one.inputs
    kept: Any = {k: part(v) for k, v in inputs.items()} if isinstance(inputs, dict) else tuple(
        map(part, inputs))
    return Batch(kept, None if one.targets is None else one.targets[:count], one.causal)


def run_batch(model: nn.Module, batch: Batch) -> Tensor:
    """Return the outputs of a model for a batch, those that its targets belong to."""
    inputs = batch.inputs
    found = outputs_of(model(**inputs) if isinstance(inputs, dict) else model(*inputs))
    return found[:, :-1] if batch.causal else found


def outputs_of(value: Any) -> Tensor:
    """Return the outputs of a model that returns a tensor, a tuple, a dict or a record of such.

    Raises
    ------
    ParameterError
        There is no tensor.
    """
    if isinstance(value, Tensor):
        return value
    if isinstance(value, Mapping):
        for name in _OUTPUTS:
            if isinstance(value.get(name), Tensor):
                return outputs_of(value[name])
    for name in _OUTPUTS:
        if isinstance(getattr(value, name, None), Tensor):
            return outputs_of(getattr(value, name))
    if isinstance(value, (tuple, list)) and value:
        return outputs_of(value[0])
    raise ParameterError(
        f"the model returns {type(value).__name__}: a tensor, or a record with `logits`, is needed")
