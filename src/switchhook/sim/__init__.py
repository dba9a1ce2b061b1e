"""Vendors played on loopback or towards any endpoint: the other role of a connector, driven by scenarios."""
