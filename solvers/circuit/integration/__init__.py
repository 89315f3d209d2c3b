"""Integration in time: formulas, local truncation error, and when a run has stalled."""
