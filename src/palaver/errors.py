"""Every error Palaver raises on purpose. Imports nothing.

    PalaverError
    ├── NotFound           absent, or not visible to the actor
    ├── Conflict           somebody else was faster, or an id stands for something else
    ├── Invalid            what was passed in cannot be taken
    ├── Unauthenticated    nobody is signed in, or what they signed in with has ended
    ├── Forbidden          the actor may see it, but not do this with it
    ├── TooFast            too many attempts or requests; wait before the next one
    ├── Busy               a turn, a draft or another process is in the way; try again
    ├── ContextOverflow    the newest message or the system prompt alone is over the limit
    ├── Unavailable        the store, a folder or a schema cannot be used now
    ├── Corrupt            stored data is damaged
    └── ProviderError      a model's server failed

Each class has a stable `code`; front ends map it to an exit code or an HTTP status.
"""


class PalaverError(Exception):
    """Base of all errors. `code` is stable, the text is for people."""

    code = "error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class NotFound(PalaverError):
    """Nothing with this id exists for the actor. `kind` names the noun, `id` what was asked for."""

    code = "not_found"

    def __init__(self, kind: str, id: str) -> None:
        super().__init__(f"{kind.capitalize()} not found: {_short(id)}")
        self.kind = kind
        self.id = id


class Conflict(PalaverError):
    """The state is not what the call expected, and nothing was changed."""

    code = "conflict"


class Invalid(PalaverError):
    """A value cannot be taken. `field` names it where there is one."""

    code = "invalid"

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class Unauthenticated(PalaverError):
    """Nobody is signed in: a wrong password, or a session or token that is unknown, expired or revoked."""

    code = "unauthenticated"


class Forbidden(PalaverError):
    """The actor sees it, but their role or the scope of their token does not permit this. Nothing was changed."""

    code = "forbidden"


class TooFast(PalaverError):
    """Too many attempts or requests. `retry_after` is how many seconds to wait."""

    code = "too_fast"

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Busy(PalaverError):
    """Something is running that must end first; the same call may succeed later.

    `session_id` names the session where it is a turn or an answer that is being written there.
    """

    code = "busy"

    def __init__(self, message: str, *, session_id: str | None = None) -> None:
        super().__init__(message)
        self.session_id = session_id


class ContextOverflow(PalaverError):
    """`tokens` is what is needed at least, `limit` what the prompt may hold."""

    code = "context_overflow"

    def __init__(self, message: str, *, tokens: int, limit: int) -> None:
        super().__init__(message)
        self.tokens = tokens
        self.limit = limit


class Unavailable(PalaverError):
    """The store or what it needs cannot be used now: full disk, read-only folder, newer schema."""

    code = "unavailable"


class Corrupt(PalaverError):
    """Stored data is damaged. `where` names the file or row. It was not written to."""

    code = "corrupt"

    def __init__(self, message: str, *, where: str | None = None) -> None:
        super().__init__(message)
        self.where = where


class ProviderError(PalaverError):
    """A model's server failed. `status` is its HTTP status, `retry_after` seconds it asked to wait."""

    code = "provider_error"

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
        retryable: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after
        self.retryable = retryable


def _short(text: str) -> str:
    shown = text if text.isprintable() else repr(text)[1:-1]
    return shown if len(shown) <= 80 else shown[:79] + "…"
