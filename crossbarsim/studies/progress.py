"""The meters of `crossbarsim.core.progress`, by the names that studies use."""

from ..core.progress import Progress, ProgressMeter, RichProgress, Silent

__all__ = ["Progress", "ProgressMeter", "RichProgress", "Silent"]
