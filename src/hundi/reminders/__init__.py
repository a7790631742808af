"""Reminder rules of customers: when somebody who owes is reminded."""
