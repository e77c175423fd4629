"""`python -m alexnet_cli` is the `alexnet` command."""

from .cli import main

if __name__ == "__main__":
    main()
