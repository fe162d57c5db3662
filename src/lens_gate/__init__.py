"""lens-gate: measures LLM endpoints and decides, in a pipeline, whether a change made them worse."""

__version__ = "0.1.0"
