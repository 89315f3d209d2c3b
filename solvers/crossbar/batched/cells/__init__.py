"""Arrays of devices side by side: static solutions, gradients, and many chips in time."""
