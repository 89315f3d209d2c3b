"""Trainings in files, to go on where they stopped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ....core.errors import ParameterError
from ....core.files import check_writable, save_arrays
from ....core.npz import open_npz
from ....core.validation import shown
from .corrections import TrainedRanges
from .recipe import Epoch, FinetuneConfig, Finetuned

__all__ = ["Checkpoint", "checkpoint_path"]

_FORMAT = 1


def checkpoint_path(checkpoint: str | Path) -> Path:
    """Return where a checkpoint can be written; its folder is made.

    Raises
    ------
    ParameterError
        It is a folder, no .npz file, or its place cannot be written to.
    """
    path = Path(checkpoint)
    if path.suffix.lower() != ".npz":
        raise ParameterError(
            f"`checkpoint` must be a .npz file, such as training.npz; got {shown(str(checkpoint))}"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        check_writable(path)
    except OSError as error:
        raise ParameterError(
            f"`checkpoint` {path} cannot be written ({error.strerror or error}): give the path of "
            "a file in a folder that can"
        ) from error
    return path


class Checkpoint:
    """The file of a training: network, optimiser, the best state, what came out so far.

    Parameters
    ----------
    path : Path
        As `checkpoint_path` gives it.
    model : torch.nn.Module
    optimiser : torch.optim.Optimizer
    config : FinetuneConfig
    trained : mapping of str to TrainedRanges

    Attributes
    ----------
    best : dict of str to Tensor
        The best state that `load` found.
    """

    def __init__(
        self, path: Path, model: nn.Module, optimiser: torch.optim.Optimizer,
        config: FinetuneConfig, trained: Mapping[str, TrainedRanges],
    ) -> None:
        self.path, self.model, self.optimiser = path, model, optimiser
        self.config, self.trained = config, trained
        self.best: dict[str, Tensor] = {}

    def _identity(self) -> str:
        """Return what a training to go on with must have in common."""
        shapes = {name: list(p.shape) for name, p in self.model.named_parameters()}
        configs = {
            name: hashlib.sha256(repr(one.stored.config.to_dict()).encode()).hexdigest()
            for name, one in self.trained.items()
        }
        return json.dumps([_FORMAT, self.config.to_dict(), shapes, configs], sort_keys=True)

    def save(self, done: Finetuned, best: Mapping[str, Tensor]) -> None:
        """Write everything, in place of what was there."""
        arrays: dict[str, Any] = {}
        for prefix, state in (("model", self.model.state_dict()), ("best", best)):
            arrays.update({f"{prefix}/{name}": _array(v) for name, v in state.items()})
        for k, state in self.optimiser.state_dict()["state"].items():
            arrays.update({f"optimiser/{k}/{name}": _array(v) for name, v in state.items()})
        told = {
            "identity": self._identity(), "corrected": done.corrected,
            "best_epoch": done.best_epoch, "epochs": [asdict(one) for one in done.epochs],
        }
        arrays["told"] = np.frombuffer(json.dumps(told).encode(), np.uint8)
        save_arrays(self.path, **arrays)

    def load(self) -> Finetuned | None:
        """Bring network and optimiser to where the file left them; None: there is no file.

        Raises
        ------
        ParameterError
            It is of another training.
        NetlistError
            It is damaged.
        """
        if not self.path.exists():
            return None
        with open_npz(self.path, "training") as file:
            told = json.loads(bytes(file["told"]).decode())
            arrays = {name: torch.from_numpy(file[name]) for name in file.files if name != "told"}
            epochs = tuple(Epoch(**one) for one in told["epochs"])
            done = Finetuned(
                self.config, float(told["corrected"]), epochs, int(told["best_epoch"])
            )
            identity = told["identity"]
        if identity != self._identity():
            raise ParameterError(
                f"`checkpoint`: {self.path} is of a training with other settings or another "
                "network: give another file, or delete this one"
            )
        states: dict[str, dict[str, Tensor]] = {"model": {}, "best": {}, "optimiser": {}}
        for name, value in arrays.items():
            kind, _, rest = name.partition("/")
            states[kind][rest] = value
        self.model.load_state_dict(states["model"])
        for one in self.trained.values():
            one.follow()
        moments: dict[int, dict[str, Tensor]] = {}
        for name, value in states["optimiser"].items():
            number, _, key = name.partition("/")
            moments.setdefault(int(number), {})[key] = value
        groups = self.optimiser.state_dict()["param_groups"]
        self.optimiser.load_state_dict({"state": moments, "param_groups": groups})
        self.best = states["best"]
        return done


def _array(value: Any) -> Any:
    return torch.as_tensor(value).detach().cpu().numpy()
