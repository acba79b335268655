"""Plumbline: a movement screen for dynamic knee valgus."""

__version__ = "0.1.0"
