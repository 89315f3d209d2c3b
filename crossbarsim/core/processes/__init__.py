"""Processes of this machine that work for a run: those of studies, and of networks written."""

from .local_workers import LocalWorkers

__all__ = ["LocalWorkers"]
