"""Steps from one schema to the next, run by bot.store.migrate; there is no alembic.ini."""
