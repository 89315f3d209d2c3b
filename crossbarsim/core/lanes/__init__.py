"""Eight or sixteen doubles at a time inside kernels: arithmetic, choices, functions of vectors."""
