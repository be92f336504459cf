"""`python -m matderiv` is the program `matderiv`."""

from matderiv.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
