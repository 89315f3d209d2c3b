"""Networks whose devices age: the same chip at another time, and the digital answer to drift."""

from .ageing import age
from .compensation import DriftReference, compensate_drift, reference_reads

__all__ = ["DriftReference", "age", "compensate_drift", "reference_reads"]
