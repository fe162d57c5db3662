"""Sending, receiving and stamping time: the only room with a clock."""
