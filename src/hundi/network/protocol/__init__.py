"""The rules of the network, free of input and output: who may send what, when, and what comes of it.

Where to look: ``statuses`` the words, ``moves`` the tables, ``versions`` compare-and-set, ``faults`` the error codes,
``catalogue`` the 20 calls and 33 webhooks, ``messages`` what is sent, ``objects`` what is kept, ``amounts`` and
``shares`` the arithmetic, ``deciding`` which handler answers which message (``onboarding``, ``invoices``, ``payments``,
``orders``, ``notes``, ``financing``), ``parcels`` and ``lanes`` the wire, ``store`` the storage port, ``memory`` its
in-memory form, ``centre`` and ``party`` the two ends.
"""
