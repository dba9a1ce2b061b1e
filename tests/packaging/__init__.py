"""Promises of the package and the repository as such."""
