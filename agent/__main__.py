"""`python -m agent` is `callbox`."""

from agent.cli import main

if __name__ == "__main__":
    main()
