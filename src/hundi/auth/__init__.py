"""Who may do what: tokens, users, roles, partner grants."""
