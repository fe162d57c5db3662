"""Which stored run is the baseline, which run may become one, and which may go: decided from entries alone."""
