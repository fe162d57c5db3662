"""The product on one page: each step puts rooms together, reads artifacts and returns one."""
