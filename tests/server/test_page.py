"""What is not an operation: the page, its files and the documentation."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from palaver.server.local import LocalDoor
from palaver.server.page import DOCS, Page


@pytest.fixture
def page(tmp_path: Path) -> TestClient:
    """A built page."""
    (tmp_path / "static" / "assets").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "static" / "index.html").write_text("<!doctype html><title>Palaver</title>")
    (tmp_path / "static" / "favicon.svg").write_text("<svg/>")
    (tmp_path / "static" / "assets" / "index-1a2b.js").write_text("export {}")
    door = LocalDoor(actor="local", token="t", port=1)
    return TestClient(Page(door, tmp_path / "static"), follow_redirects=False)


@pytest.mark.parametrize(
    "path", ["/", "/c/0190a7c4-5d1e-7c3a-9b42-3f6a0c8e1d27", "/search", "/settings/models"]
)
def test_an_address_of_the_page_gives_the_page(page: TestClient, path: str) -> None:
    answer = page.get(path)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-cache")
    assert "<title>Palaver" in answer.text


def test_a_file_that_is_named_after_its_content_is_kept_for_ever(page: TestClient) -> None:
    answer = page.get("/assets/index-1a2b.js")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Content-Type"].startswith("text/javascript")


def test_a_file_of_another_build_is_not_the_page(page: TestClient) -> None:
    assert page.get("/assets/index-ffff.js").status_code == 404


def test_what_has_not_changed_is_not_sent_again(page: TestClient) -> None:
    first = page.get("/favicon.svg")
    again = page.get("/favicon.svg", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path", ["/../secret.txt", "/%2e%2e/secret.txt", "/assets/..%2f..%2fsecret.txt", "//secret.txt"]
)
def test_no_address_leads_out_of_the_folder(page: TestClient, path: str) -> None:
    assert "secret" not in page.get(path).text.replace(path, "")


@pytest.mark.parametrize(
    "path", ["/api", "/api/", "/api/nothing", "/v1/nothing", "/health", "/api/docs/nothing"]
)
def test_what_programs_ask_for_is_never_answered_with_the_page(page: TestClient, path: str) -> None:
    answer = page.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_page_can_only_be_read(page: TestClient) -> None:
    answer = page.post("/")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")


def test_a_checkout_without_a_build_says_how_to_build(tmp_path: Path) -> None:
    door = LocalDoor(actor="local", token="t", port=1)
    assert "not built" in TestClient(Page(door, tmp_path)).get("/").text


def test_the_documentation_loads_nothing_from_elsewhere(client: TestClient) -> None:
    assert client.get("/api/docs").status_code == 200
    for path in DOCS.iterdir():
        assert client.get(f"/api/docs/{path.name}").status_code == 200
        assert "http" not in path.read_text("utf-8")


def test_every_answer_carries_the_headers_that_keep_other_sites_out(client: TestClient) -> None:
    for path in ("/", "/api/me", "/api/docs", "/api/nothing", "/health/live"):
        headers = client.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "connect-src 'self'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert not any(name.startswith("access-control") for name in headers)
