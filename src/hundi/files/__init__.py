"""Files kept for sellers, and expiring links to them."""
