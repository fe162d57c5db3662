"""Wire formats, sans-IO: what arrived, never when."""
