"""Money coming in: how a customer can pay, and what was received."""
