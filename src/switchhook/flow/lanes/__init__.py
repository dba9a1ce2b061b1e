"""Ordered deliveries: per destination and call one after another, destinations apart from each other."""

from switchhook.flow.lanes.lanes import Lanes
from switchhook.flow.lanes.sweeper import keep_swept, sweep_deliveries

__all__ = ["Lanes", "keep_swept", "sweep_deliveries"]
