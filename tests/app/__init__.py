"""The whole hub, put together."""
