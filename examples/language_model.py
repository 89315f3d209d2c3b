"""Perplexity and accuracy of a transformer against the wires' resistance, exactly.

Trained here on Alice's Adventures in Wonderland (in the public domain), character by character.
As it stands it takes seconds; `LanguageSettings()` and `EXAMPLES = None` draw the documentation's
picture.
"""

import matplotlib.pyplot as plt
from torch import nn

from crossbarsim.nn import CrossbarConfig
from crossbarsim.studies import (
    Axis,
    LanguageSettings,
    load_text,
    network_study,
    trained_language_model,
)

SETTINGS = LanguageSettings(width=32, blocks=1, steps=60, learning_rate=1e-2)
EXAMPLES = 32
AXES = {
    "ohm": Axis([0.0, 0.5, 1.0, 2.0, 5.0, 10.0], fields=("wires.word", "wires.bit"), unit="ohm"),
    "tile_shape": [(64, 64), (128, 128)],
}


def draw(result, path):
    figure, panels = plt.subplots(1, 2, figsize=(8.0, 3.4), layout="constrained")
    for ax, value, label, factor in (
        (panels[0], "perplexity", "perplexity of a character", 1.0),
        (panels[1], "accuracy", "next character right, %", 100.0),
    ):
        for (rows, columns), mark in zip(AXES["tile_shape"], "os", strict=True):
            line = result.dataset[value].sel(tile_shape=f"{rows}x{columns}")
            ax.plot(line["ohm"], factor * line, marker=mark, label=f"arrays of {rows}x{columns}")
        digital = factor * result.settings["digital"][value]
        ax.axhline(digital, color="black", ls=":", lw=1.0, label="digital")
        ax.set(xlabel="wire resistance, ohm per segment", ylabel=label)
        ax.grid(visible=True, alpha=0.3)
    panels[0].legend()
    figure.savefig(path, dpi=150)


def main():
    text = load_text()
    model = trained_language_model(text, SETTINGS)
    result = network_study(
        model, text.examples, CrossbarConfig(precision="float32"), axes=AXES, examples=EXAMPLES,
        metric=["perplexity", "accuracy"], options={"include": nn.Linear},
    )
    print(result.markdown())
    draw(result, "language_model.png")


if __name__ == "__main__":
    main()
