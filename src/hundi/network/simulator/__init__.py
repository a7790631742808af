"""A network of businesses in a virtual month, on the real protocol: to develop against, and to look for faults.

``world`` runs it, ``habits`` is what the businesses do, ``mischief`` what they should not, ``links`` the wire and its
faults, ``nodes`` the two ends with their crashes, ``invariants`` what must hold at the end, ``ledger`` what is printed.
"""
