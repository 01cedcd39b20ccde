"""A course as its author writes it: files in, a checked `Course` or every problem at once out."""
