"""Tools that models may call, from servers of the Model Context Protocol."""
