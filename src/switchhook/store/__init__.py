"""SQLite or PostgreSQL: all SQL is here, one file of verbs per group of tables."""

from switchhook.store.engine import Store, open_store

__all__ = ["Store", "open_store"]
