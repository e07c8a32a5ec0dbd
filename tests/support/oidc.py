"""A real OpenID provider for tests (oidc-provider, from npm), and somebody who signs in there."""

import json
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from urllib.parse import urljoin

import httpx2

from tests.support import npm

SECRET = "a secret & more"
_SCRIPT = Path(__file__).parent / "oidc_provider.mjs"
_STEPS = 20


@contextmanager
def serve(redirects: Sequence[str]) -> Iterator[str]:
    """The issuer of a running provider whose client may be led back to `redirects`."""
    command = [str(npm.NODE), str(_SCRIPT), str(npm.installed(npm.FILES)), json.dumps(list(redirects))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            issuer = process.stdout.readline().strip()
            assert issuer.startswith("http"), "the provider did not start"
            yield issuer
        finally:
            process.kill()


def sign_in(address: str, name: str, *, cancel: bool = False) -> str:
    """Go where a server sends a browser and sign in as `name`, or do not: the address that leads back."""
    issuer = address.partition("/auth")[0]
    with httpx2.Client() as browser:
        answer = browser.get(address)
        for _ in range(_STEPS):
            if answer.is_redirect:
                address = urljoin(address, answer.headers["location"])
                if not address.startswith(issuer):
                    return address
                answer = browser.get(address)
                continue
            if cancel:
                found = re.search(r'href="([^"]*/abort)"', answer.text)
                assert found, answer.text
                address = urljoin(address, unescape(found[1]))
                answer = browser.get(address)
                continue
            form = re.search(r'<form[^>]*action="([^"]+)"', answer.text)
            assert form, answer.text
            prompt = re.search(r'name="prompt" value="(\w+)"', answer.text)
            typed = {"prompt": prompt[1] if prompt else "", "login": name, "password": "any"}
            address = urljoin(address, unescape(form[1]))
            answer = browser.post(address, data=typed)
    raise AssertionError("the provider leads nowhere")
