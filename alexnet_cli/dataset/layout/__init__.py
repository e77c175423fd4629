"""Which folders are classes, and which are parts, from names alone. No pixels."""
