"""What runs now, shown live in the terminal."""
