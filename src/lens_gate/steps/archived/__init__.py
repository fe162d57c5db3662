"""Runs in stores: put, found, and chosen as what to compare with."""
