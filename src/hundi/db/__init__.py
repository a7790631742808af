"""PostgreSQL: the embedded server, connections, transactions and migrations."""
