"""The one-machine stack: PostgreSQL, Valkey, the api and a worker as supervised children of one process."""
