"""The network's central unit over PostgreSQL: the one place that reads and writes the schema ``central`` (design §5)."""
