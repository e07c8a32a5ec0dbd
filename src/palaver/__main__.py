"""`python -m palaver`, for where the script `palaver` is not on the path."""

import sys

from palaver.cli.main import main

if __name__ == "__main__":
    sys.argv[0] = "palaver"
    main()
