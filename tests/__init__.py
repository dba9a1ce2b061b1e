"""The tests. A package, so that test folders can share what is in it."""
