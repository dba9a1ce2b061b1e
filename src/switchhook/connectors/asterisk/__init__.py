"""Asterisk: listened to and commanded over ARI, whoever opens the socket, or over AMI."""

from switchhook.connectors.asterisk import as_crm
from switchhook.connectors.asterisk.answers import sorry
from switchhook.core.connector import Connector, Role

CONNECTOR = Connector(key="asterisk", title="Asterisk", sides={Role.PBX: as_crm.SIDE}, sorry=sorry)
