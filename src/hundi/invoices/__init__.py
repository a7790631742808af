"""Invoices: amounts, numbers, statuses, entries."""
