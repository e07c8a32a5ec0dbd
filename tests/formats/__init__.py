"""Files in and out, and the mirrors."""
