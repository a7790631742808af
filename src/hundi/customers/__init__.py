"""The parties who owe: customers and their key contacts."""
