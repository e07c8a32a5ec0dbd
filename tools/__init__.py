"""What is used to work on Palaver and is no part of it."""
