"""Plays a schedule on a transport: the loops, the requests in flight, the clock they wait on, and decoding."""
