"""Lists longer than one page of the store."""

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Generic, TypeVar

import click

from palaver import wire
from palaver.cli.output import print_json_items
from palaver.model import Page
from palaver.store import MAX_PAGE

T = TypeVar("T")
Fetch = Callable[[str | None, int], Page[T]]


class Walk(Generic[T]):
    """Goes through a list page by page, up to `limit` items (None: to its end).

    After it, `next_cursor` is where the rest begins and `cut` says that a deadline ended the work early.
    """

    def __init__(self, fetch: Fetch[T], *, after: str | None, limit: int | None) -> None:
        self._fetch = fetch
        self._left = limit
        self.next_cursor = after
        self.cut = False

    def pages(self) -> Iterator[list[T]]:
        while self._left is None or self._left > 0:
            wanted = MAX_PAGE if self._left is None else min(self._left, MAX_PAGE)
            page = self._fetch(self.next_cursor, wanted)
            self.next_cursor, self.cut = page.next_cursor, self.cut or page.cut
            yield page.items
            if page.next_cursor is None:
                return
            if self._left is not None:
                self._left -= len(page.items)

    def __iter__(self) -> Iterator[T]:
        for items in self.pages():
            yield from items

    def print_json(self) -> None:
        """The whole walk as one `Page` on the wire."""
        pages = self.pages()
        first = next(pages, [])  # before anything is printed: what fails leaves no half document
        print_json_items('{"items":[', chain(first, chain.from_iterable(pages)))
        cursor = wire.encode(self.next_cursor).decode()
        click.echo(f'],"nextCursor":{cursor},"cut":{str(self.cut).lower()}}}')
