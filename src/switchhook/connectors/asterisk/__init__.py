"""Asterisk: its messages are read and understood (`wire`, `listen`); nothing connects to one yet.

Without a side no connection of this kind can be added.
"""

from switchhook.connectors.asterisk.answers import sorry
from switchhook.core.connector import Connector

CONNECTOR = Connector(key="asterisk", title="Asterisk", sides={}, sorry=sorry)
