"""Measuring, as commands that anybody can run."""
