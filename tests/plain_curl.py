"""As much of curl as the pages of docs/ use, for machines without it: `python plain_curl.py URL [options]`.

`make test` asks for Python, make and git alone, and the pages for curl; where curl is there, it is what runs.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from urllib.parse import quote

import httpx2

FAILED = 22  # what curl answers with --fail-with-body to a status of 400 or more


def options(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="curl", allow_abbrev=False)
    parser.add_argument("url")
    parser.add_argument("-s", "--silent", action="store_true")
    parser.add_argument("-S", "--show-error", action="store_true")
    parser.add_argument("-N", "--no-buffer", action="store_true")
    parser.add_argument("-i", "--include", action="store_true")
    parser.add_argument("-G", "--get", action="store_true")
    parser.add_argument("--fail-with-body", action="store_true")
    parser.add_argument("-X", "--request")
    parser.add_argument("-H", "--header", action="append", default=[])
    parser.add_argument("-u", "--user")
    parser.add_argument("-d", "--data", dest="data", action="append", default=[])
    parser.add_argument("--data-urlencode", dest="data", action="append", type=encoded)
    parser.add_argument("-F", "--form", action="append", default=[])
    parser.add_argument("-o", "--output")
    parser.add_argument("-w", "--write-out", default="")
    return parser.parse_args(words)


def encoded(text: str) -> str:
    name, _, value = text.partition("=")
    return f"{name}={quote(value, safe='')}"


def body_of(word: str) -> bytes:
    if not word.startswith("@"):
        return word.encode()
    return sys.stdin.buffer.read() if word == "@-" else Path(word[1:]).read_bytes()


def parts(forms: list[str]) -> dict[str, tuple[str | None, bytes]]:
    found: dict[str, tuple[str | None, bytes]] = {}
    for form in forms:
        name, _, value = form.partition("=")
        file = Path(value[1:].partition(";")[0]) if value.startswith("@") else None
        found[name] = (file.name, file.read_bytes()) if file else (None, value.encode())
    return found


def main(words: list[str]) -> int:
    asked = options(words)
    content = b"&".join(body_of(word) for word in asked.data) if asked.data else None
    headers = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in asked.header)}
    url = asked.url
    if content is not None and asked.get:
        url, content = f"{url}{'&' if '?' in url else '?'}{content.decode()}", None
    if content is not None and "content-type" not in {name.lower() for name in headers}:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    method = asked.request or ("POST" if content is not None or asked.form else "GET")
    user = tuple(asked.user.split(":", 1)) if asked.user else None
    with httpx2.stream(
        method, url, headers=headers, content=content, files=parts(asked.form) or None, auth=user, timeout=60
    ) as reply:
        out = Path(asked.output).open("wb") if asked.output else sys.stdout.buffer  # noqa: SIM115 - the process ends
        if asked.include:
            out.write(f"HTTP/1.1 {reply.status_code}\r\n".encode())
            out.write("".join(f"{name}: {value}\r\n" for name, value in reply.headers.items()).encode() + b"\r\n")
        for block in reply.iter_raw():
            out.write(block)
            out.flush()
    sys.stdout.buffer.write(
        asked.write_out.replace("%{http_code}", str(reply.status_code)).replace("\\n", "\n").encode()
    )
    sys.stdout.flush()
    return FAILED if asked.fail_with_body and reply.status_code >= httpx2.codes.BAD_REQUEST else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
