"""Money coming in: how a customer can pay, and (later) what was received."""
