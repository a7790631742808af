"""Where the network meets the supplier's books: an invoice goes out as a message, and what comes back is written down."""
