"""One question and everything up to its finished answer, as events that anybody may read from any point."""

from collections.abc import Callable

from palaver.chat.asking import Desk
from palaver.chat.events import InputRequired, TurnFailed, TurnFinished
from palaver.chat.stopping import Stopping
from palaver.chat.stream import Stream
from palaver.errors import Busy
from palaver.model import Message, TurnState


class Turn(Stream):
    """A running or finished turn. `id` is that of the question, `answer_id` that of the newest of its answers."""

    def __init__(
        self,
        session_id: str,
        id: str,
        answer_id: str,
        *,
        asks: bool = False,
        begun: Callable[[], TurnState | None] = lambda: None,
    ) -> None:
        super().__init__(answer_id)
        self._begun = begun
        self.session_id = session_id
        self.id = id
        self.stopping = Stopping()
        self.desk = Desk(self.stopping, asks=asks)
        self._message: Message | None = None

    def stop(self) -> None:
        """End the turn; what came is kept, an answer that is being written as `cancelled`. Returns at once."""
        self.stopping.stop()

    @property
    def asked(self) -> InputRequired | None:
        """What waits for the person's choice now."""
        return self.desk.open

    @property
    def begun(self) -> TurnState | None:
        """As it was stored when it began; None where it could not be, so that no other process knows of it."""
        return self._begun()

    def answer(self, request_id: str, choice: str) -> None:
        """The person's choice, from any thread. After "history" it waits on.

        Raises `NotFound` for a request that does not wait, `Invalid` for a choice it does not offer.
        """
        self.desk.answer(request_id, choice)

    def wait(self, timeout: float | None = None) -> Message:
        """The last answer, whatever its status. Raises `Busy` when `timeout` seconds have passed before."""
        self.wait_for_end(timeout)
        if self._message is None:
            raise Busy(f"The answer is still being written after {timeout:g} seconds")
        return self._message

    def end(self, event: TurnFinished | TurnFailed) -> None:
        """For the engine: the turn is over."""
        self._message = event.message
        self.tell(event, last=True)
