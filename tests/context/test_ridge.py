"""Least squares in plain Python."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palaver.context.ridge import add_square, solve

numbers = st.floats(-100, 100)
systems = st.lists(st.lists(numbers, min_size=4, max_size=4), min_size=1, max_size=8)


def test_a_system_of_two_is_solved() -> None:
    assert solve([[2.0], [1.0, 3.0]], [5.0, 10.0]) == pytest.approx([1.0, 3.0])


def test_what_would_be_negative_is_nothing_and_the_rest_is_the_best_without_it() -> None:
    assert solve([[2.0], [1.0, 3.0]], [4.0, -1.0]) == pytest.approx([2.0, 0.0])


def test_squares_add_up() -> None:
    matrix = [[0.0], [0.0, 0.0], [0.0, 0.0, 0.0]]
    add_square(matrix, (1, 0, 3), 2.0)
    add_square(matrix, (0, 1, 1), 1.0)
    assert matrix == [[2.0], [0.0, 1.0], [6.0, 1.0, 19.0]]


@given(systems, st.lists(numbers, min_size=4, max_size=4))
def test_every_solution_is_the_same_again_and_nowhere_negative(
    rows: list[list[float]], right: list[float]
) -> None:
    matrix = [[1.0 if n == m else 0.0 for m in range(n + 1)] for n in range(4)]
    for row in rows:
        add_square(matrix, row, 1.0)
    solution = solve(matrix, right)
    assert all(value >= 0 for value in solution)
    assert solution == solve(matrix, right)
