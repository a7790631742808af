"""What a customer gets to see of an invoice: the PDF and the hosted page. Plain values in, bytes and text out."""
