"""`python -m audiocodec.cli`: the same as the script `codec`."""

from .app import main

if __name__ == "__main__":
    main()
