"""Files over HTTP: uploaded as they come, sent whole or in part, never as something that a browser would run."""

import hashlib
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from palaver import Store
from tests.support.factories import a_conversation

CONTENT = bytes(range(256)) * 400
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def stored(client: TestClient) -> dict[str, object]:
    answer = client.post(
        "/api/files", params={"name": "map.png"}, content=CONTENT, headers={"Content-Type": "image/png"}
    )
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/api/files/{DIGEST}"
    file: dict[str, object] = answer.json()["file"]
    return file


def test_an_upload_answers_the_part_that_refers_to_it(stored: dict[str, object]) -> None:
    assert stored == {
        "type": "file",
        "digest": DIGEST,
        "name": "map.png",
        "mime": "image/png",
        "size": len(CONTENT),
    }


def test_a_file_comes_back_as_it_was(client: TestClient, stored: object) -> None:
    answer = client.get(f"/api/files/{DIGEST}", params={"name": "map.png"})
    assert answer.content == CONTENT
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert "Content-Encoding" not in answer.headers


def test_a_file_that_is_known_is_not_sent_again(client: TestClient, stored: object) -> None:
    tag = client.get(f"/api/files/{DIGEST}").headers["ETag"]
    again = client.get(f"/api/files/{DIGEST}", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("bytes=0-0", 0, 1), ("bytes=100-199", 100, 200), ("bytes=102000-", 102_000, 102_400), ("bytes=-5", 102_395, 102_400),
     ("bytes=102399-999999", 102_399, 102_400), ("bytes=-999999", 0, 102_400)],
)  # fmt: skip
def test_a_part_of_a_file_is_sent(
    client: TestClient, stored: object, asked: str, start: int, end: int
) -> None:
    answer = client.get(f"/api/files/{DIGEST}", headers={"Range": asked})
    assert (answer.status_code, answer.content) == (206, CONTENT[start:end])
    assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/{len(CONTENT)}"
    assert answer.headers["Content-Length"] == str(end - start)


@pytest.mark.parametrize("asked", ["bytes=102400-", "bytes=5-2", "bytes=-0"])
def test_a_part_that_is_not_there_is_refused(client: TestClient, stored: object, asked: str) -> None:
    answer = client.get(f"/api/files/{DIGEST}", headers={"Range": asked})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{len(CONTENT)}"


@pytest.mark.parametrize("asked", ["bytes=-", "bytes=0-1,5-6", "lines=1-2", "bytes=x-y"])
def test_what_is_no_single_range_gets_the_whole(client: TestClient, stored: object, asked: str) -> None:
    answer = client.get(f"/api/files/{DIGEST}", headers={"Range": asked})
    assert (answer.status_code, answer.content) == (200, CONTENT)


@pytest.mark.parametrize("name", ["page.html", "picture.svg", "script.js", "x.xhtml", "noending"])
def test_what_a_browser_would_run_is_only_ever_downloaded(
    client: TestClient, stored: object, name: str
) -> None:
    headers = client.get(f"/api/files/{DIGEST}", params={"name": name}).headers
    assert headers["Content-Type"] == "application/octet-stream"
    assert headers["Content-Disposition"].startswith("attachment;")
    assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox"


def test_a_name_cannot_break_out_of_its_header(client: TestClient, stored: object) -> None:
    headers = client.get(f"/api/files/{DIGEST}", params={"name": 'a"; filename="b.exe é'}).headers
    assert (
        headers["Content-Disposition"]
        == "attachment; filename*=utf-8''a%22%3B%20filename%3D%22b.exe%20%C3%A9"
    )


@pytest.mark.parametrize("digest", ["0" * 64, "x", "..", "%2e%2e%2fpalaver.db", DIGEST.upper() + "0"])
def test_a_digest_that_is_none_is_not_found(client: TestClient, digest: str) -> None:
    answer = client.get(f"/api/files/{digest}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_file_of_somebody_else_is_not_there(client: TestClient, store: Store) -> None:
    other = store.as_actor("somebody")
    file = other.put_file(b"secret", name="secret.txt")
    a_conversation(other, "look")
    absent = client.get(f"/api/files/{'0' * 64}").json()
    foreign = client.get(f"/api/files/{file.digest}").json()
    assert foreign == {**absent, "detail": absent["detail"].replace("0" * 64, file.digest)}


def test_an_upload_over_the_limit_is_refused_before_and_while_it_comes(client: TestClient) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(300):
            yield bytes(1 << 20)

    for body in (bytes(129 << 20), chunks()):
        answer = client.post("/api/files", params={"name": "x"}, content=body)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
