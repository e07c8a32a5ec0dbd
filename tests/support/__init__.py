"""What several test folders share: factories, drivers, a walk through the contract."""
