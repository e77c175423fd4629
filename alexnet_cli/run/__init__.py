"""The run directory: run.json, CSV records, and how both appear whole or not at all."""
