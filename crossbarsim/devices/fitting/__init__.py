"""Models fitted to measured loops: data, exact sensitivities, least squares, what they determine."""
