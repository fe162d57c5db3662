"""The fast transport: HTTP/1.1 on sockets of its own, with nothing between a read and its stamp."""
