"""What ``crossbarsim study new`` writes: every table of a study file, with what it means."""

__all__ = ["TEMPLATE"]

TEMPLATE = """\
# A study of a network on crossbars: `crossbarsim study run THIS-FILE` measures every point,
# `crossbarsim study show THIS-FILE` tells before how many there are and how long they take.
# Paths begin at this file's folder, and modules are found there, too.

[study]
name = "wires and converters"
out = "results/study"        # record of the points, table, pictures
seeds = 3                    # chips for every point, or a list of seeds
threads = 1                  # of every worker; the same number gives the same bits everywhere
# along = "ohm"              # end branches along this axis ...
# stop = "my_study:hopeless" # ... where this function of the branch so far returns True

[model]
import = "my_study:model"    # module:name of a torch.nn.Module, or of what returns one
# arguments = { width = 64 } # of a function or class
# state_dict = "weights.pt"  # as torch.save(model.state_dict(), ...) writes it
# exclude = ["head*"]        # layers that stay digital; also: include, fold

[data]
import = "my_study:held_out" # a DataLoader, a Dataset, a list of batches, or what returns one
# folder = "data/mnist"      # instead: MNIST or Fashion-MNIST idx files, CIFAR-10; "" is digits
# examples = 1000            # default: all
# batch = 128

# [calibration]              # converters, noise and curved cells need it; default: held-out data
# import = "my_study:training_part"
# correct = true             # a digital gain and offset for every output

[metric]                     # or above all tables: metric = ["accuracy", "energy"]
accuracy = "accuracy"        # top-1; top-5, perplexity, f1, agreement, output-error,
energy = "energy"            # energy, latency, area, weight-error, utilisation, module:function

[config]                     # CrossbarConfig, see its documentation
tile_shape = [128, 128]
g_on = 1e-4                  # siemens
g_off = 1e-6

[config.wires]
word = 1.0                   # ohm per segment
bit = 1.0

[config.periphery.adc]
bits = 8

[axes]                       # the grid of these is measured
"periphery.adc.bits" = [4, 6, 8]
# one value for several fields, under a name and with a unit:
ohm = { values = [0.0, 2.0, 10.0], fields = ["wires.word", "wires.bit"], unit = "ohm" }
# tile_shape = [[64, 64], [128, 128]]
# node = { zip = { g_on = [1e-4, 5e-5], g_off = [1e-6, 1e-7] } }
# corner = { points = [{ g_on = 1e-4, scheme = "offset" }, { g_on = 5e-5, scheme = "single" }] }
# drawn = { sample = { "nonidealities.faults.stuck_on" = [0.0, 0.1] }, count = 16 }
#                            # method = "sobol", "latin-hypercube" or "random"; seed; log = [...]
"""
