"""argv, environment and exit: the only room that reads them."""
