"""Signed webhooks on the wire: which events there are, what they say, and how they are signed."""
