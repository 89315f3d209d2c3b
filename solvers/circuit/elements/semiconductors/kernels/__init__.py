"""The compiled laws of semiconductors, one model a file, with exact derivatives."""
