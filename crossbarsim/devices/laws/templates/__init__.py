"""Array kernels that `compilation` puts a model's laws in front of."""
