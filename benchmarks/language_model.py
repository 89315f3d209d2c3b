"""A language model of GPT-2's size on crossbars, and compiled layers beside torch's own."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from crossbarsim.core.cpus import cpu_count

from .crossbar_solve import show
from .worker import measure, peak_memory

WIDTH, HEADS, BLOCKS = 768, 12, 12  # GPT-2 small; its tables and its head stay digital
TILE = 128
TOKENS = 256
LAYER = (768, 3072)  # of the compiled pass
# of compiled convolutions: inputs, outputs, kernel, side of the images, images
CONVOLUTIONS = ((16, 32, 3, 32, 32), (64, 64, 3, 28, 16), (64, 256, 1, 28, 16))
LIMIT = 3600.0


def network(blocks: int, width: int = WIDTH, heads: int = HEADS) -> Any:
    """Return blocks of GPT-2 with random weights, as GPT-2's training begins with."""
    import torch  # noqa: PLC0415
    from torch import nn  # noqa: PLC0415

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.c_attn, self.c_proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.c_fc, self.c_out = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

        def forward(self, x: Any) -> Any:
            b, t, _ = x.shape
            parts = self.c_attn(self.ln_1(x)).view(b, t, 3, heads, -1).permute(2, 0, 3, 1, 4)
            y = nn.functional.scaled_dot_product_attention(*parts, is_causal=True)
            x = x + self.c_proj(y.transpose(1, 2).reshape(b, t, width))
            return x + self.c_out(nn.functional.gelu(self.c_fc(self.ln_2(x))))

    torch.manual_seed(0)
    with torch.no_grad():
        model = nn.Sequential(*(Block() for _ in range(blocks)))
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.normal_(std=0.02)
    return model.eval().requires_grad_(False)


def _clocks() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _since(start: tuple[float, float]) -> dict[str, float]:
    wall, cpu = _clocks()
    return {"seconds": wall - start[0], "cpu": cpu - start[1]}


def reduce(blocks: int, tokens: int, width: int = WIDTH) -> dict[str, Any]:
    """Put `blocks` on crossbars, reduce all arrays, and run a pass beside the digital one."""
    import torch  # noqa: PLC0415

    from crossbarsim import Wires  # noqa: PLC0415
    from crossbarsim.nn import CrossbarConfig, convert, hold  # noqa: PLC0415

    torch.set_num_threads(cpu_count())
    config = CrossbarConfig(
        tile_shape=(TILE, TILE), wires=Wires(word=1.0, bit=1.0), precision="float32"
    )
    hold(convert(torch.nn.Sequential(torch.nn.Linear(TILE, TILE)), config))  # compiled kernels
    model = network(blocks, width, width // 64)
    x = torch.randn(1, tokens, width)
    weights = sum(p.numel() for p in model.parameters() if p.ndim == 2)
    with torch.no_grad():
        exact = model(x)
        digital = min(_pass(model, x) for _ in range(3))
        before = peak_memory()
        start = _clocks()
        chip = convert(model, config, inplace=True)
        converted = _since(start)
        start = _clocks()
        hold(chip)
        held = _since(start)
        error = float((chip(x) - exact).norm() / exact.norm())
        passes = min(_pass(chip, x) for _ in range(3))
    return {
        "weights": weights, "convert": converted, "hold": held, "tokens": tokens,
        "digital": digital, "pass": passes, "error": error, "before": before,
        "bytes": peak_memory(),
    }


def _pass(model: Any, x: Any) -> float:
    start = time.process_time()
    model(x)
    return time.process_time() - start


def compiled(tokens: int, layer: tuple[int, int] = LAYER, repeats: int = 40) -> dict[str, Any]:
    """Time one compiled linear layer."""
    import torch  # noqa: PLC0415

    torch.manual_seed(0)
    x = torch.randn(tokens, layer[0])
    return {"tokens": tokens, **_beside(torch.nn.Linear(*layer), x, repeats)}


def convolution(shape: Sequence[int], repeats: int = 40) -> dict[str, Any]:
    """Time one compiled convolution, of `CONVOLUTIONS`."""
    import torch  # noqa: PLC0415

    torch.manual_seed(0)
    inputs, outputs, kernel, side, images = shape
    layer = torch.nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
    x = torch.randn(images, inputs, side, side)
    return {"shape": list(shape), **_beside(layer, x, repeats)}


def _beside(layer: Any, x: Any, repeats: int) -> dict[str, float]:
    """Time a compiled layer, digital, held and not held, one after the other in every round."""
    import torch  # noqa: PLC0415

    from crossbarsim.nn import CrossbarConfig, convert, hold  # noqa: PLC0415

    torch.set_num_threads(1)
    model = torch.nn.Sequential(layer).eval().requires_grad_(False)
    chips = [convert(model, CrossbarConfig(path="matrix")).eval() for _ in range(2)]
    hold(chips[0])
    runs = {
        name: torch.compile(one, fullgraph=True)
        for name, one in zip(("digital", "held", "compared"), (model, *chips), strict=True)
    }
    times: dict[str, list[float]] = {name: [] for name in runs}
    with torch.no_grad():
        for run_one in runs.values():
            run_one(x)
        for _ in range(repeats):
            for name, run_one in runs.items():
                run_one(x)  # the first after another finds no memory of its size
                times[name].append(_pass(run_one, x))
    return {name: min(found) for name, found in times.items()}


def run(*, quick: bool = False) -> dict[str, Any]:
    """Measure on two cores, the compiled layer on one."""
    size = {"blocks": 1, "width": 128} if quick else {"blocks": BLOCKS, "width": WIDTH}
    result = {"model": measure("language_model:reduce", {**size, "tokens": TOKENS}, 2, LIMIT)}
    print(result, flush=True)
    layers = []
    for tokens in (64,) if quick else (16, 64, 256, 1024):
        layers.append(measure(
            "language_model:compiled", {"tokens": tokens, "repeats": 5 if quick else 40}, 1, LIMIT
        ))
        print(layers[-1], flush=True)
    convolutions = []
    for shape in CONVOLUTIONS[:1] if quick else CONVOLUTIONS:
        convolutions.append(measure(
            "language_model:convolution", {"shape": shape, "repeats": 5 if quick else 40}, 1, LIMIT
        ))
        print(convolutions[-1], flush=True)
    return {**result, "layers": layers, "convolutions": convolutions}


def table(result: dict[str, Any]) -> str:
    """Return a sentence and a table in Markdown."""
    found = result["model"]
    cpu = found["convert"]["cpu"] + found["hold"]["cpu"]
    lines = [
        (f"{found['weights'] / 1e6:.0f} million weights of GPT-2's blocks as differential pairs "
         f"on tiles of {TILE}x{TILE}, 1 ohm per segment: converted and reduced to effective "
         f"matrices in {show(cpu)} of CPU time, {found['bytes'] / 1e9:.1f} GB at the peak, "
         f"{found['before'] / 1e9:.1f} GB of which are torch and the digital network. A pass of "
         f"{found['tokens']} tokens takes {found['pass'] / found['digital']:.2f} times the CPU "
         "time of the digital one."), "",
        (f"A compiled linear layer of {LAYER[0]}x{LAYER[1]}, CPU time over that of torch's own, in "
         "the same process; held: `hold`; compared: without it."), "",
        "| tokens | torch | held | compared |", "|---|---|---|---|",
    ]
    lines += [
        f"| {row['tokens']} | {1e3 * row['digital']:.2f} ms | {row['held'] / row['digital']:.3f} "
        f"| {row['compared'] / row['digital']:.2f} |" for row in result["layers"]
    ]
    if result.get("convolutions"):  # a record of before has none
        lines += [
            "", "Compiled convolutions in the same way:", "",
            "| inputs, outputs, kernel, side, images | torch | held | compared |",
            "|---|---|---|---|",
        ]
        lines += [
            f"| {', '.join(map(str, row['shape']))} | {1e3 * row['digital']:.2f} ms "
            f"| {row['held'] / row['digital']:.3f} | {row['compared'] / row['digital']:.2f} |"
            for row in result["convolutions"]
        ]
    return "\n".join(lines)
