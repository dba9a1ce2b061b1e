"""The way out, guarded: where we may connect, how long, how much we read. And who really asks us."""
