"""A real Asterisk with SIPp phones, and what the hub makes of it.

`install.sh` unpacks the programs once per machine; `AsteriskServer` (server.py) runs one, with ports and a
folder of its own; `Actors` (actors.py) are its phones and the outside world. All on loopback, without root.
"""
