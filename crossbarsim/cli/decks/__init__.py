"""Commands that read and run SPICE decks, and the pictures of their results."""
