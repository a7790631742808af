"""Companies, their registrations and number series."""
