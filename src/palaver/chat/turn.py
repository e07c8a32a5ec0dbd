"""One question and everything up to its finished answer."""

from collections.abc import Iterator

from palaver.chat.events import TurnEvent
from palaver.model import Message


class Turn:
    """A running or finished turn. `id` is that of the question, `answer_id` that of the answer."""

    id: str
    session_id: str
    answer_id: str

    def events(self, after: str | None = None) -> Iterator[TurnEvent]:
        """What has happened and what happens, to the end; behind the event with the id `after`. Several may read."""
        raise NotImplementedError

    def stop(self) -> None:
        """End the answer; what came is kept as `cancelled`. Returns at once."""
        raise NotImplementedError

    def wait(self, timeout: float | None = None) -> Message:
        """The finished answer, whatever its status. Raises `Busy` when `timeout` seconds have passed before."""
        raise NotImplementedError

    @property
    def done(self) -> bool:
        raise NotImplementedError
