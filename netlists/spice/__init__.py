"""SPICE decks: reading them, writing them, and the expressions in them."""
