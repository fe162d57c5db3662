"""How requests leave and bytes come back stamped: the port, what all transports share, and which one a run takes."""
