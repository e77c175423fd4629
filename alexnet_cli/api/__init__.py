"""What the commands do, as Python functions, which they call."""
