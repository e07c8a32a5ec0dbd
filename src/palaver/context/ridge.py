"""Least squares with a prior for a handful of weights that are not negative, in plain Python."""

from collections.abc import Sequence
from operator import mul

Matrix = list[list[float]]

_TINY = 1e-12


def add_square(matrix: Matrix, vector: Sequence[float], factor: float) -> None:
    """Add `factor` times the square of a vector; only the matrix's lower triangle is kept."""
    used = [(n, value) for n, value in enumerate(vector) if value]
    for at, (n, value) in enumerate(used):
        row, scaled = matrix[n], factor * value
        for m, other in used[: at + 1]:
            row[m] += scaled * other


def solve(matrix: Matrix, vector: Sequence[float]) -> list[float]:
    """The solution of a symmetric, positive definite system, with whatever would be negative held at 0.

    Only the lower triangle of `matrix` is read.
    """
    free = list(range(len(vector)))
    while True:
        found = _solve(
            [[matrix[n][m] for m in free[: at + 1]] for at, n in enumerate(free)], [vector[n] for n in free]
        )
        if all(value >= 0 for value in found):
            break
        free = [n for n, value in zip(free, found, strict=True) if value >= 0]
    solution = [0.0] * len(vector)
    for n, value in zip(free, found, strict=True):
        solution[n] = value
    return solution


def _solve(lower: Matrix, right: list[float]) -> list[float]:
    """By Cholesky's decomposition, which takes the place of `lower`."""
    for n, row in enumerate(lower):
        for m in range(n):
            other = lower[m]
            row[m] = (row[m] - sum(map(mul, row[:m], other[:m]))) / other[m]
        row[n] = max(row[n] - sum(value * value for value in row[:n]), _TINY) ** 0.5
        right[n] = (right[n] - sum(map(mul, row[:n], right[:n]))) / row[n]
    for n in reversed(range(len(right))):
        right[n] = (right[n] - sum(lower[m][n] * right[m] for m in range(n + 1, len(right)))) / lower[n][n]
    return right
