"""Switchhook: a hub between phone systems and business systems."""

__version__ = "0.1.0"
