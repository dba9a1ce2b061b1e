"""retailCRM telephony on the wire, one file per message. Pure: no I/O, no clock, no settings."""
