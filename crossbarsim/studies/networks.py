"""The studies' convolutional network: trained once, kept in a file, the same for every point."""

from __future__ import annotations

import hashlib
import json
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ..core.errors import NetlistError, ParameterError
from ..core.files import save_arrays
from ..core.npz import field, open_npz
from ..core.progress import Progress, ProgressMeter, metered
from ..core.settings import Settings
from ..core.views.brief import brief_repr
from .data.dataset import Dataset, Labelled
from .data.errors import DataError

__all__ = ["CnnSettings", "TrainedCnn", "logits", "torch_threads", "trained_cnn"]


@dataclass(frozen=True, kw_only=True)
class CnnSettings(Settings):
    """Shape and training of the network.

    Each stage is a 3x3 convolution, ReLU and 2x2 max pooling; two fully connected layers follow.

    Parameters
    ----------
    channels : tuple of int
        Output channels of the stages.
    hidden : int
        Width of the first fully connected layer.
    epochs : int
        Passes over the training images.
    batch : int
        Images per step.
    learning_rate : float
        Peak of the one-cycle schedule (AdamW).
    shift : int
        Training images move by up to this many pixels in both directions.
    flip : bool
        Whether training images are mirrored at random.
    seed : int
        Of the initial weights, the order of the images and the augmentation.
    """

    channels: tuple[int, ...] = (64, 128)
    hidden: int = 256
    epochs: int = 30
    batch: int = 64
    learning_rate: float = 3e-3
    shift: int = 1
    flip: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.channels or not all(isinstance(c, int) and c >= 1 for c in self.channels):
            raise ParameterError(
                f"`channels` must be one or more integers >= 1; got {self.channels!r}"
            )
        for name, least in (("hidden", 1), ("epochs", 0), ("batch", 2), ("shift", 0), ("seed", 0)):
            value = getattr(self, name)
            if not isinstance(value, int) or value < least:
                raise ParameterError(f"`{name}` must be an integer >= {least}; got {value!r}")
        if not 0 < self.learning_rate < 1:
            raise ParameterError(
                f"`learning_rate` must be between 0 and 1; got {self.learning_rate!r}"
            )

    @classmethod
    def for_data(cls, data: Dataset, *, epochs: int | None = None, seed: int = 0) -> CnnSettings:
        """Return settings that fit the images' size, with layers wide enough to fill tiles."""
        _, height, _ = data.image_shape
        if height < 16:
            return cls(epochs=30 if epochs is None else epochs, seed=seed)
        colour = data.image_shape[0] == 3
        return cls(
            channels=(32, 64, 128), batch=128, shift=2, flip=colour, seed=seed,
            epochs=(4 if colour else 2) if epochs is None else epochs,
        )


@dataclass(frozen=True, eq=False)
class TrainedCnn:
    """A trained network with what it needs to see images.

    Parameters
    ----------
    model : torch.nn.Sequential
        In eval mode, batch normalisation folded into the convolutions.
    mean, std : (C,) arrays
        Of the training images' channels, brightness 0 to 1.
    full_scale : int
        The pixel value of full brightness.
    seconds : float
        What the training took.
    sha256 : str
        Identity of the weights.
    """

    model: nn.Sequential
    mean: NDArray[np.float32]
    std: NDArray[np.float32]
    full_scale: int
    seconds: float
    sha256: str

    __repr__ = brief_repr

    def inputs(self, images: NDArray[np.uint8]) -> Tensor:
        """Return `images` (n, C, H, W) as the network's input, float32 and standardised."""
        return _standardise(images, self.mean, self.std, self.full_scale)


def _standardise(
    images: NDArray[np.uint8], mean: NDArray[np.float32], std: NDArray[np.float32], full_scale: int
) -> Tensor:
    x = torch.from_numpy(images.astype(np.float32) / full_scale)
    return (x - torch.from_numpy(mean)[:, None, None]) / torch.from_numpy(std)[:, None, None]


def _channel_statistics(data: Dataset) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return mean and standard deviation of each channel's brightness, (C,) each."""
    values = np.arange(256) / data.full_scale
    means, stds = [], []
    for channel in range(data.image_shape[0]):
        # Counting pixel values is exact, whatever the number of images.
        counts = np.bincount(data.train.images[:, channel].ravel(), minlength=256)
        mean = float(counts @ values / counts.sum())
        means.append(mean)
        stds.append(float(np.sqrt(counts @ (values - mean) ** 2 / counts.sum())))
    return np.array(means, np.float32), np.array(stds, np.float32)


@contextmanager
def torch_threads(count: int | None) -> Iterator[None]:
    """Run with `count` torch threads and put the former number back."""
    before = torch.get_num_threads()
    if count is not None:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _build(
    settings: CnnSettings, shape: tuple[int, int, int], classes: int, *, normalise: bool
) -> nn.Sequential:
    channels, height, width = shape
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for k, out in enumerate(settings.channels, start=1):
        if min(height, width) < 2:
            raise ParameterError(
                f"`channels` has {len(settings.channels)} stages, too many for images of "
                f"{shape[1]} x {shape[2]} pixels: each halves them"
            )
        layers[f"conv{k}"] = nn.Conv2d(channels, out, 3, padding=1)
        if normalise:
            layers[f"norm{k}"] = nn.BatchNorm2d(out)
        layers[f"relu{k}"] = nn.ReLU()
        layers[f"pool{k}"] = nn.MaxPool2d(2)
        channels, height, width = out, height // 2, width // 2
    layers["flatten"] = nn.Flatten()
    layers["fc1"] = nn.Linear(channels * height * width, settings.hidden)
    layers["relu"] = nn.ReLU()
    layers["fc2"] = nn.Linear(settings.hidden, classes)
    return nn.Sequential(layers)


def _fold(model: nn.Sequential) -> nn.Sequential:
    """Return the same function without batch normalisation, which would stay digital."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    last = ""
    for name, layer in model.named_children():
        if isinstance(layer, nn.BatchNorm2d):
            conv = layers[last]
            if not isinstance(conv, nn.Conv2d):
                raise TypeError(f"{name} follows {last}, which is no convolution")
            layers[last] = fuse_conv_bn_eval(conv, layer)
        else:
            layers[name], last = layer, name
    return nn.Sequential(layers).eval()


def _augment(x: Tensor, settings: CnnSettings, generator: torch.Generator) -> Tensor:
    if settings.flip:
        mirrored = torch.rand(len(x), generator=generator) < 0.5
        x = torch.where(mirrored[:, None, None, None], x.flip(-1), x)
    if settings.shift:
        reach = settings.shift
        # One move per batch costs no gather; over the epochs every image meets every move.
        down, right = torch.randint(0, 2 * reach + 1, (2,), generator=generator).tolist()
        padded = nn.functional.pad(x, (reach,) * 4, mode="replicate")
        x = padded[..., down : down + x.shape[-2], right : right + x.shape[-1]]
    return x


def _train(
    settings: CnnSettings, data: Dataset, x: Tensor, progress: ProgressMeter
) -> nn.Sequential:
    y = torch.from_numpy(data.train.labels)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        model = _build(settings, data.image_shape, data.classes, normalise=True)
    generator = torch.Generator().manual_seed(settings.seed)
    steps = max(1, len(y) // settings.batch)
    progress.begin("training", settings.epochs)
    if settings.epochs:
        optimiser = torch.optim.AdamW(model.parameters(), settings.learning_rate, weight_decay=0.05)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, settings.learning_rate, total_steps=settings.epochs * steps
        )
    model.train()
    for _ in range(settings.epochs):
        order = torch.randperm(len(y), generator=generator)
        for k in range(steps):
            chosen = order[k * settings.batch : (k + 1) * settings.batch]
            out = model(_augment(x[chosen], settings, generator))
            loss = nn.functional.cross_entropy(out, y[chosen], label_smoothing=0.05)
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
            schedule.step()
        progress.advance("training", f"loss {loss.item():.3f}")
    return _fold(model.eval())


def _weights_hash(model: nn.Module) -> str:
    digest = hashlib.sha256()
    for name, value in model.state_dict().items():
        digest.update(name.encode())
        digest.update(value.numpy().tobytes())
    return digest.hexdigest()


def _save(path: Path, network: TrainedCnn) -> None:
    state = {f"state/{name}": v.numpy() for name, v in network.model.state_dict().items()}
    save_arrays(path, mean=network.mean, std=network.std, seconds=network.seconds, **state)


def _restore(path: Path, settings: CnnSettings, data: Dataset) -> TrainedCnn:
    model = _build(settings, data.image_shape, data.classes, normalise=False).eval()
    try:
        with open_npz(path, "trained network") as file:
            model.load_state_dict(
                {name: torch.from_numpy(file[f"state/{name}"]) for name in model.state_dict()}
            )
            mean, std = (
                field(file, name, (data.image_shape[0],)) for name in ("mean", "std")
            )
            seconds = float(file["seconds"])
    except NetlistError as error:
        raise DataError(
            path, f"not a whole trained network; delete it to train again ({error.message})"
        ) from error
    return TrainedCnn(model, mean, std, data.full_scale, seconds, _weights_hash(model))


def trained_cnn(
    settings: CnnSettings, data: Dataset, *, cache: Path | None = None,
    progress: Progress = None, threads: int | None = None,
) -> TrainedCnn:
    """Train the network, or take it from `cache` when the same one was trained before.

    Parameters
    ----------
    settings : CnnSettings
    data : Dataset
    cache : Path, optional
        Folder of trained networks; the file's name carries a hash of settings and data.
    progress : Progress
        True shows a bar on the terminal; a function is called with the share of the training that
        is done; or a `ProgressMeter`.
    threads : int, optional
        Torch threads; default: torch's own choice.

    Returns
    -------
    TrainedCnn
    """
    key = json.dumps({**asdict(settings), "data": data.sha256}, sort_keys=True)
    path = None
    if cache is not None:
        path = cache / f"cnn-{hashlib.sha256(key.encode()).hexdigest()[:12]}.npz"
        if path.is_file():
            return _restore(path, settings, data)
    start = time.perf_counter()
    mean, std = _channel_statistics(data)
    if not (std > 0).all():
        raise ParameterError("`data` has a channel without contrast in its training images")
    x = _standardise(data.train.images, mean, std, data.full_scale)
    with torch_threads(threads), metered(progress) as meter:
        model = _train(settings, data, x, meter)
    network = TrainedCnn(model, mean, std, data.full_scale, time.perf_counter() - start,
                         _weights_hash(model))
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        _save(path, network)
    return network


def logits(
    network: TrainedCnn, part: Labelled, *, model: nn.Module | None = None, batch: int = 256
) -> NDArray[np.float64]:
    """Return the outputs (n, classes) of `model` (default: the digital network) for `part`."""
    run = network.model if model is None else model
    with torch.no_grad():
        return np.concatenate([
            run(network.inputs(part.images[k : k + batch])).double().numpy()
            for k in range(0, len(part), batch)
        ])
