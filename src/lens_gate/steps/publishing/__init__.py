"""A verdict told to others: on the platform of a pipeline, and by notifications."""
