"""The run directory: run.json, records, and how they appear whole or not at all."""
