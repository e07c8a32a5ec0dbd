"""How relevant a hit of FTS5 is, told from the index alone."""

from typing import Any

import apsw

from palaver.storage.search import phrases


def prepare(connection: apsw.Connection) -> None:
    """What every connection needs that searches."""
    connection.register_fts5_function("relevance", _relevance)


def _relevance(api: apsw.FTS5ExtensionApi, *arguments: Any) -> float:
    """For the index's hit at hand what `Matcher` makes of a stored text; `shape` counts the phrases of each need."""
    shape, length = arguments
    if shape == "1" and api.phrase_columns(0) == (0,):
        # One phrase, in the body alone, as nearly always. What is excluded stands nowhere in a hit.
        return phrases.saturated(phrases.COLUMN_WEIGHTS[0] * api.inst_count, length)
    if api.aux_data is None:
        api.aux_data = [int(size) for size in shape.split(",")]
    weights: list[float] = []
    first = 0
    for size in api.aux_data:
        weights.append(_weight(api, range(first, first + size)))
        first += size
    return phrases.relevance(weights, length)


def _weight(api: apsw.FTS5ExtensionApi, numbers: range) -> float:
    if len(numbers) > phrases.FEW_PHRASES:
        return api.inst_count  # close enough for words that stand for a beginning
    in_body, in_title, in_tool, in_code = phrases.COLUMN_WEIGHTS
    weight = 0.0
    for number in numbers:
        body, title, tool, code = api.phrase_locations(number)
        weight += in_body * len(body) + in_title * len(title) + in_tool * len(tool) + in_code * len(code)
    return weight
