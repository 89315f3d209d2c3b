"""What could not be verified, or only in part, and why."""

from __future__ import annotations

# what, what is missing, what there is instead
UNVERIFIED: tuple[tuple[str, str, str], ...] = (
    ("`SimmonsTunnelBarrier`: measured curves of Pickett et al. 2009",
     "The paper's figures are not among the sources at hand; barrier height, series resistance and "
     "range of the gap come from a second paper (Abdalla and Pickett, ISCAS 2011) that was not read.",
     "The rate law is evaluated twice from the printed equations; the I-V law only within the tests."),
    ("`TEAM`: Fig. 10 and 14 of Kvatinsky et al. 2013",
     "No points of the figures, and the current thresholds of its Verilog-A defaults are not printed.",
     "A closed form of its equations."),
    ("`VTEAM`, presets `magic`, `tiox_1`, `taox_tio2`, `taox`: fits to measured devices",
     "The constants were read from text in which signs are uncertain; the measurements are not public.",
     "The equations; the switching time of `magic` in closed form."),
    ("`LinearIonDrift`: Fig. 2 and 3 of Strukov et al. 2008",
     "No points of the figures, and the figures' constants are given as ratios.",
     "The closed form of Joglekar and Wolf, and another implementation with Joglekar's window."),
    ("`Yakopcic`: measured points of Oblea, Miao and Jo",
     "The paper's figures are not among the sources at hand.",
     "Another author's implementation with the constants that the paper fitted to the three."),
    ("`Yakopcic`, presets `ltspice` and `aguirre_c2`; `LinearIonDrift`, presets `technion` and `biolek`",
     "Only their constants are published, no curve of theirs was found.",
     "The same equations with other constants."),
    ("`StanfordPKU`: Figs. 6 to 12 of Jiang et al. 2016 (measured devices)",
     "They use an exponent alpha of 1 to 2.5 in the field enhancement, and separate constants for SET "
     "and RESET; the model here, as the file 1.0.0, has alpha = 3 and one set.",
     "All figures of the user guide of 1.0.0 without variations."),
    ("`StanfordPKU`: Figs. 4 and 6 of the user guide (with variations)",
     "Single runs of a random model whose seed and steps are not given.",
     "The spread that equations (2) and (3) state."),
    ("`StanfordPKU` with self-heating in a published curve",
     "The only published transients were computed without it, by an accident of the file.",
     "The authors' file, whose heating acts when a reader takes the current of the same instant."),
    ("`Sky130Reram`: the foundry's measurements (forming, yield, distributions)",
     "They need the foundry's transistors and describe forming, which the model does not.",
     "The foundry's own Verilog-A file through a loop."),
    ("`JartVcmV1b`: Fig. 4 to 8 of Bengel et al. 2020 (measured cells)",
     "No points of the figures.", "The authors' Verilog-A file, and the equations evaluated twice."),
    ("`JartVcmV1bVariable`: distributions over cycles",
     "The paper's figures are not among the sources at hand.",
     "That it is the deterministic model where nothing deviates."),
    ("`DataDriven2018`, `DataDriven2021`: measured devices",
     "The measurements (doi 10.5258/SOTON/403321) are not among the sources at hand.",
     "Closed forms, and MemTorch's classes."),
    ("`PhaseChange` beyond drift", "No published transients of reading and writing were found.",
     "The power law of drift, and AIHWKit's cells."),
    ("Selectors: `ExponentialSelector`, `MiecSelector`, `ThresholdSelector`",
     "No published set of constants was found: their defaults are generic.", "Their equations."),
    ("Authors' Verilog-A files in another simulator",
     "They keep variables from step to step, or read them before they write them, which compiled "
     "modules (OSDI) do not do: JART's, compiled by OpenVAF, had no operating point in VACASK; HSPICE "
     "and Spectre are not at hand.",
     "Read by crossbarsim's own reader: equations independent, integrator not; integrators are "
     "compared on the page of the solvers."),
    ("MemTorch, Fig. 1: accuracies of MobileNetV2 on CIFAR-10",
     "Neither the trained network nor the figure's numbers are public, and training it takes days on "
     "this machine.",
     "Each effect by its definition; `crossbarsim study nonidealities` runs the same sweep with a "
     "smaller network: [everything together](../concepts/everything-together.md)."),
    ("MemTorch, Fig. 4 and 5: the printed curves",
     "No points of the figures, and the spread of R_on and R_off is not printed.",
     "MemTorch's own class run at short steps, and closed forms."),
    ("Printed accuracy of 90.54 % at tiles of 128 (Crossbar_Models_Comparison)",
     "The published weights of that size are not those of its log: exact wires give 96.72 %.",
     "The other three sizes and the network without wires, within 0.03 %."),
    ("GENIEx, CCCS, RxNN, XBarNet: their networks' losses",
     "Neither weights nor all settings (wires, mapping, converters) are published.", "Nothing."),
    ("AIHWKit's `reram_cmo` cells, and its IR-drop formula",
     "The former were not compared; the latter is an approximation, not a reference "
     "([measured](../comparisons/one-crossbar.md)).", "Phase-change and NeuRRAM cells."),
    ("CrossSim's own examples with trained networks",
     "Their weights are kept in a storage that no snapshot has.",
     "Its arrays with the settings of a small network that both are given."),
    ("GPUs", "No results of a card entered this section.", "The tests marked `gpu`."),
)
