"""docs/reference/ says what the code says."""

import pytest

from tools import reference


@pytest.mark.parametrize("name", sorted(reference.PAGES))
def test_a_page_of_the_reference_is_what_the_code_says(name: str) -> None:
    written = (reference.FOLDER / name).read_text(encoding="utf-8")
    assert written == reference.render_page(name), "stale: run `python -m tools.reference`"


def test_nothing_in_the_reference_is_written_by_hand() -> None:
    assert {path.name for path in reference.FOLDER.iterdir()} == set(reference.PAGES)
