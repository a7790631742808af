"""What is owed: open items and their age, as JSON, CSV and XLSX."""
