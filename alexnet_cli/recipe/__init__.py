"""Every hyper-parameter of a training run: its record, its checks, its TOML files."""
