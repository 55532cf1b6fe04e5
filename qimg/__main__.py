"""`python -m qimg`: the same as `qimg`."""

import sys

if __name__ == "__main__":
    if not sys.flags.safe_path:
        # `python -m` looks into the working folder first, where packages of the user may have the names of ours.
        sys.path.append(sys.path.pop(0))
    from qimg.cli import main

    main()
