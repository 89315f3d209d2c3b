"""Networks and whole arrays against other tools and published results."""
