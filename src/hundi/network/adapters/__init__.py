"""Ways to the network that lead through somebody else's server: a port, and one adapter for each provider."""
