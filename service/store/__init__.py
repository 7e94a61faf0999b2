"""The store: jobs and their events in SQLite or PostgreSQL. The database is the truth, Ray is disposable."""
