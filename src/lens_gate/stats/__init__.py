"""Numbers in, numbers out: numpy and scipy only, the generator is a parameter."""
