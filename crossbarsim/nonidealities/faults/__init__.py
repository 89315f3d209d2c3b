"""Cells and lines that do not work, alone or in clusters."""
