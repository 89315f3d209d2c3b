"""Pictures of the studies; each ``plot_*`` draws into given axes or makes its own figure."""
