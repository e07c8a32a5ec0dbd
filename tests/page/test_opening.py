"""`palaver` alone, and who may come in."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx2
from playwright.sync_api import Browser, expect

from tests.page.conftest import OpenWindow
from tests.support.serving import SCRIPT, Serving


def test_palaver_alone_opens_the_page_in_the_browser(tmp_path: Path) -> None:
    browser, opened = tmp_path / "browser.py", tmp_path / "opened"
    browser.write_text(f"import sys\nopen({str(opened)!r}, 'w').write(sys.argv[1] + '\\n')\n")
    command = [sys.executable, "-c", SCRIPT, "--store", str(tmp_path / "palaver.db")]
    environment = os.environ | {"BROWSER": f"{sys.executable} {browser} %s"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().split()[-1]
            until = time.monotonic() + 30
            while not (opened.exists() and opened.read_text().endswith("\n")) and time.monotonic() < until:
                time.sleep(0.02)
            assert opened.read_text().strip() == address
            assert httpx2.get(address, follow_redirects=True).status_code == 200
        finally:
            process.send_signal(signal.SIGTERM)


def test_a_browser_without_the_token_is_told_where_to_get_in(browser: Browser, place: Serving) -> None:
    window = browser.new_page()
    window.goto(place.address)
    expect(window.get_by_role("main")).to_contain_text("Open the address that palaver printed")
    window.close()


def test_the_token_leaves_the_address(open_window: OpenWindow, place: Serving) -> None:
    window = open_window(place)
    expect(window.get_by_role("textbox", name="Message")).to_be_visible()
    assert window.url == f"{place.address}/"
