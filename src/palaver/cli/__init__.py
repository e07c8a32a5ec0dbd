"""The command line. Every command is a module that is imported when it is called."""
