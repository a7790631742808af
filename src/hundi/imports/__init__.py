"""The bulk engine: a file of invoices in, exactly one verdict for each row out (domain §10)."""
