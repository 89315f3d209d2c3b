"""Labelled images for the studies, read from files that the user names. Nothing is downloaded."""
