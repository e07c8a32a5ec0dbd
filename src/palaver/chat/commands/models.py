"""Which model answers."""

from palaver.chat.commands.command import Context, command
from palaver.chat.commands.replies import Reply, Said, Switched


def _model(context: Context, name: str) -> Reply:
    if not name:
        return Said(_list_models(context))
    provider, model = context.engine.choose(name)
    if (provider, model) == (context.session.provider, context.manager.current_model):
        return Said(f"{model} answers here already.")
    before = context.session
    session = context.manager.change_model(model, provider=provider)
    if session.id == before.id:
        return Said(f"{model} answers here from now on.")
    return Switched(session, context.manager.session_path())


def _list_models(context: Context) -> str:
    current = context.manager.current_model
    lines = [
        f"{'*' if info.id == current else ' '} {info.provider}/{info.id}"
        for info in context.engine.list_models()
    ]
    return "\n".join(lines) or "No provider answers now."


COMMANDS = (
    command("model", "[NAME]", "Go on with another model in a new session, or list the models.", _model),
)
