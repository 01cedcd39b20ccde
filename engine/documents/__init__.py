"""What people keep: values into the bytes of PDF, Word and SVG. No database, no clock."""
