"""Words and markup for people; pure, and the only place where numbers are rounded."""
