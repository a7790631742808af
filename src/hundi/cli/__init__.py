"""The hundi command."""
