"""`python -m qimg` is `qimg`."""

from qimg.cli import main

if __name__ == "__main__":
    main()
