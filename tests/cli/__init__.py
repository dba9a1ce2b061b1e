"""The command line, with and without a hub beside it."""
