"""`palaver chat`."""

import os
import select
import sys
from contextlib import ExitStack
from pathlib import Path

import click

from palaver.chat.turn import Turn
from palaver.cli.answer import Answer, LiveAnswer, PlainAnswer
from palaver.cli.app import App, command
from palaver.cli.arguments import SessionName
from palaver.cli.exits import exit_code
from palaver.cli.keys import Keys
from palaver.cli.output import notice, out, print_json
from palaver.cli.talk import Talk, recall
from palaver.cli.turns import Outcome, show_turn

_PATIENCE = 3.0


@command("chat")
@click.argument("prompt", nargs=-1)
@click.option("-m", "--model", help="The model that answers: NAME or PROVIDER/NAME.")
@click.option("-s", "--session", type=SessionName(), metavar="ID", help="Go on with this session.")
@click.option("-c", "--continue", "resume", is_flag=True, help="Go on with the newest session.")
@click.option(
    "--attach",
    "files",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    help="A file that goes with the question; may be repeated.",
)
def chat(
    app: App,
    *,
    prompt: tuple[str, ...],
    model: str | None,
    session: str | None,
    resume: bool,
    files: tuple[Path, ...],
) -> int:
    """Talk with a model.

    On a terminal without PROMPT: a conversation, which begins a session of its own unless you go on with another one.
    With PROMPT, or in a pipe: one answer on stdout and nothing else there. Text from a pipe is put below the PROMPT;
    a PROMPT of - waits for it. In a pipe no tool may be used that you have not allowed before.
    """
    if session and resume:
        raise click.UsageError("--session and --continue exclude each other.")
    asked = _asked(prompt)
    asks = app.interactive and sys.stdout.isatty() and not app.as_json
    with Talk(app, model=model, session=session, resume=resume, asks=asks) as talk:
        talk.attach(files)
        return _converse(app, talk) if asked is None else _answer(app, talk, asked, asks=asks)


def _answer(app: App, talk: Talk, question: str, *, asks: bool) -> int:
    if talk.only_demo and not app.as_json:
        notice("palaver: no model was found; the built-in demo answers")
    turn = talk.ask(question)
    outcome = _show(app, talk, turn, asks=asks)
    if outcome.new_session_id:
        talk.go_to(outcome.new_session_id)
        outcome = _show(app, talk, talk.ask_there(turn), asks=asks)
    if app.as_json:
        print_json(outcome.message)
    if outcome.message.status == "cancelled":
        return exit_code("interrupted")
    return exit_code(outcome.code) if outcome.code else 0


def _show(app: App, talk: Talk, turn: Turn, *, asks: bool) -> Outcome:
    with ExitStack() as shown:
        answer: Answer
        if app.as_json or not sys.stdout.isatty():
            answer = PlainAnswer(None if app.as_json else sys.stdout, sys.stderr)
        else:
            answer = LiveAnswer(out(), shown.enter_context(Keys(out())) if asks else None)
        shown.enter_context(answer)
        return show_turn(turn, answer, lambda: recall(out(), talk), commands=False)


def _converse(app: App, talk: Talk) -> int:
    # Two hundred milliseconds of imports that only a conversation needs.
    from palaver.cli.conversation import Conversation  # noqa: PLC0415

    return Conversation(talk, remember=not app.encrypted).run()


def _asked(prompt: tuple[str, ...]) -> str | None:
    """The whole question, None where it is to be typed."""
    words = " ".join(word for word in prompt if word != "-")
    if sys.stdin.isatty():
        if words:
            return words
        if not sys.stdout.isatty():
            raise click.UsageError("Say a PROMPT where the output is no terminal.")
        return None
    piped = _piped(patient=not words or "-" in prompt)
    question = "\n\n".join(part for part in (words, piped.strip("\n")) if part.strip())
    if not question:
        raise click.UsageError("There is nothing to ask: say a PROMPT, or pipe one in.")
    return question


def _piped(*, patient: bool) -> str:
    """What comes on stdin. A pipe that somebody left open must not hang a question that is complete without it."""
    if not patient and not _readable():
        notice(
            f"palaver: nothing came on stdin within {_PATIENCE:.0f} seconds, so it is left out (- waits for it)"
        )
        return ""
    return sys.stdin.buffer.read().decode("utf-8", "replace")


def _readable() -> bool:
    if os.name != "posix":
        return True
    try:
        return bool(select.select([sys.stdin], [], [], _PATIENCE)[0])
    except (OSError, ValueError):
        return True
