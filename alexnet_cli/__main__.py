"""`python -m alexnet_cli` is the `alexnet` command."""

from .cli.main import main

if __name__ == "__main__":
    main()
