"""Rules of the goods and services tax, as dated data and pure decisions."""
