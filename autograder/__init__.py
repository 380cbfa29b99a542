"""Torchmark grades notebooks of a first course in deep learning: the API for authors of checks and mistakes."""
