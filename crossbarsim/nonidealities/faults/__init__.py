"""Faulty cells and lines, independent or in clusters."""
