"""Both sides of the B2B invoice network: the protocol, the central unit, the parties, the simulator."""
