"""News of a verdict for those who do not look at the pipeline: chats, on-call services, other programs."""
