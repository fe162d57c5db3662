"""The transport on httpx's parts, for HTTP/2 and proxies: the stamps are taken below its engine."""
