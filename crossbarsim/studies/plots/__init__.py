"""Pictures of the studies; each ``plot_*`` draws into given axes or makes its own figure.

One file per study, each with its ``save_*``; `figures` has what they share.
"""

from .device_spread import plot_device_spread, plot_switching, save_device_spread
from .gradual_reset import plot_gradual_reset, save_gradual_reset
from .ir_drop import plot_accuracy, plot_tile, plot_tile_panel, save_accuracy, save_tile
from .network_writing import plot_network_writing, save_network_writing
from .nonidealities import plot_nonidealities, plot_nonideality, save_nonidealities
from .reads import plot_read_delay, plot_read_margin, save_read_delay, save_read_margin
from .recovery import plot_recovery, save_recovery

__all__ = [
    "plot_accuracy",
    "plot_device_spread",
    "plot_gradual_reset",
    "plot_network_writing",
    "plot_nonidealities",
    "plot_nonideality",
    "plot_read_delay",
    "plot_read_margin",
    "plot_recovery",
    "plot_switching",
    "plot_tile",
    "plot_tile_panel",
    "save_accuracy",
    "save_device_spread",
    "save_gradual_reset",
    "save_network_writing",
    "save_nonidealities",
    "save_read_delay",
    "save_read_margin",
    "save_recovery",
    "save_tile",
]
