"""Builds everything and runs it: the only place that knows all rooms."""
