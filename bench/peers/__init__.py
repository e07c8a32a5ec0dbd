"""Systems that record conversations, each as its documentation shows it, behind one small interface.

A worker process runs one of them, in the environment it needs.
"""
