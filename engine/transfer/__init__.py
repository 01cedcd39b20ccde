"""Carrying a whole installation somewhere else: backup, restore, move."""
