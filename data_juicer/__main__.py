"""`python -m data_juicer` is dj-process."""

import sys

from data_juicer.cli.process import main

if __name__ == "__main__":
    sys.exit(main())
