"""`python -m fleetscan` is `fleetscan`."""

from fleetscan.cli.main import main

if __name__ == "__main__":
    main()
