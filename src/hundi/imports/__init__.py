"""The bulk engine: a file of rows becomes invoices, none lost, none twice."""
