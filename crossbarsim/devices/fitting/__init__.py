"""Models fitted to measured loops: data, exact sensitivities, what they determine."""
