"""axe-core, run in a page: what it holds against it."""

from playwright.sync_api import Page

from tests.support import npm

_RUN = """
async () => {
  const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
  const {violations} = await axe.run(document, {runOnly: rules})
  const where = nodes => nodes.slice(0, 3).map(one => one.html.slice(0, 200)).join(' | ')
  return violations.map(({id, help, nodes}) => `${id}: ${help}: ${where(nodes)}`)
}
"""


def violations(window: Page) -> list[str]:
    """One line each. The script is put in past the page's policy, as a developer's tools are."""
    script = (npm.installed(npm.FILES) / "node_modules" / "axe-core" / "axe.min.js").read_text(
        encoding="utf-8"
    )
    window.evaluate(script)
    found: list[str] = window.evaluate(_RUN)
    return found
