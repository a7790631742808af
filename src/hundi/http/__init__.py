"""HTTP core: envelope, errors, bodies, idempotency, request ids."""
