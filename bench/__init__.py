"""Palaver beside its peers and the disk's limit, measured in one run. `python -m bench --help` tells more."""
