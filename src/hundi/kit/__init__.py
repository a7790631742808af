"""Pure ground: money, dates, identifiers, errors. No input or output, and nothing of ours above it."""
