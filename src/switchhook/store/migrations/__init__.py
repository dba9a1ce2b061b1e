"""Changes of the tables, in order, for databases that exist already.

A new one is made against PostgreSQL (what is made against SQLite, PostgreSQL may refuse):

    export SWITCHHOOK_DATABASE_URL=postgresql://…/empty
    cd src/switchhook/store/migrations
    alembic upgrade head
    alembic revision --autogenerate --rev-id 0003 -m "what changes"

Ids count up. tests/store/test_migrations.py runs all of them up and down on both engines.
"""
