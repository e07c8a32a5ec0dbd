"""The tools of `config.toml`."""

from palaver import __version__, locations
from palaver.cli.app import App
from palaver.providers.credentials import Keys
from palaver.tools.base import Toolbox


def find_tools(app: App, *, asks: bool) -> Toolbox | None:
    """The tools of `config.toml`, which begin to start; None where it names none."""
    if not app.settings.tool_server:
        return None
    from palaver.tools.mcp import PATIENCE, START_SECONDS, McpToolbox  # noqa: PLC0415 (only where there are tools)

    keys = Keys(app.environment, locations.credentials())
    toolbox = McpToolbox(
        app.settings.tool_server,
        environment=app.environment,
        find_key=keys.find,
        version=__version__,
        # In a pipe there is no next question for which a tool would be there.
        patience=PATIENCE if asks else START_SECONDS,
    )
    toolbox.start()
    return toolbox
