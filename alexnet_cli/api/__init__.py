"""What can be done in Python as from the command line; the commands call it."""
