"""Download one file so that a broken connection costs only what it cut off."""

import http.client
import os
import shutil
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

SCHEMES = ("https",)
ATTEMPTS = 5  # attempts in a row that bring no new byte before the download is given up
TIMEOUT = 30  # seconds without an answer before an attempt is given up


class _SameScheme(urllib.request.HTTPRedirectHandler):
    """Follows no redirection that leaves HTTPS."""

    def redirect_request(self, request, file, code, message, headers, address):
        if urlsplit(address).scheme not in SCHEMES:
            raise urllib.error.URLError(f"redirected to {address}, which is not https")
        return super().redirect_request(request, file, code, message, headers, address)


def fetch(address: str, path: str | os.PathLike, most: int) -> Path:
    """Download a file, or the rest of one whose download was broken off; return its path.

    What has come lies in ``PATH.part`` until all is there, so ``path`` is whole or not there.  The
    contents are not proven here: whoever reads them compares a digest.

    Args:
        address: an https:// address.
        path: where to; if it is there already, nothing is asked.
        most: bytes that the file may have.

    Raises:
        OSError: the file is not to be had; the next call goes on from what has come.
        ValueError: it is larger than ``most``.
    """
    path = Path(path)
    if path.is_file():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    left = ATTEMPTS
    while True:
        before = _size(part)
        try:
            _go_on(address, part, most)
        except urllib.error.HTTPError as error:
            if error.code == 416 and before:  # the part does not belong to the file that is there
                part.unlink()
            elif error.code < 500 or left == 1:
                raise
        except (OSError, http.client.HTTPException) as error:
            if left == 1:
                raise OSError(str(error) or type(error).__name__) from error
        else:
            os.replace(part, path)
            return path
        left = ATTEMPTS if _size(part) > before else left - 1


def _go_on(address, part, most):
    have = _size(part)
    headers = {"Range": f"bytes={have}-"} if have else {}
    request = urllib.request.Request(address, headers=headers)
    opener = urllib.request.build_opener(_SameScheme)
    with opener.open(request, timeout=TIMEOUT) as answer:
        if answer.status != 206:  # the server sends the whole file
            have = 0
        length = answer.headers.get("Content-Length")
        whole = None if length is None else have + int(length)
        if max(whole or 0, have) > most:
            raise ValueError(f"{address} has {whole:,} bytes, more than the {most:,} expected.")
        with open(part, "ab" if have else "wb") as file:
            shutil.copyfileobj(_Limited(answer, most - have, address), file, 2**16)
    if whole is not None and _size(part) != whole:
        raise ConnectionError(f"the connection broke after {_size(part):,} of {whole:,} bytes")


class _Limited:
    """A stream that raises beyond so many bytes, where a server does not tell the length."""

    def __init__(self, stream, left, address):
        self.stream, self.left, self.address = stream, left, address

    def read(self, size):
        content = self.stream.read(size)
        self.left -= len(content)
        if self.left < 0:
            raise ValueError(f"{self.address} is larger than expected.")
        return content


def _size(path):
    return path.stat().st_size if path.is_file() else 0
