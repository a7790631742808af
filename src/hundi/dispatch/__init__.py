"""Getting invoices to customers: deliveries, mail, attempts."""
