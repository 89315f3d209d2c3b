"""What a study found: named axes with units, its tables and its pictures.

`result` has the `StudyResult` around an `xarray.Dataset`; `dataset` makes one from points, `files`
writes and reads it, `tables`, `front` and `pictures` show it. Nothing here knows how points are
measured. A new picture is a function of `pictures` and a method of `StudyResult`.
"""

from .dataset import DONE, FAILED, MISSING, STOPPED, Dimension, Variable, dataset_of
from .result import StudyResult

__all__ = [
    "DONE",
    "FAILED",
    "MISSING",
    "STOPPED",
    "Dimension",
    "StudyResult",
    "Variable",
    "dataset_of",
]
