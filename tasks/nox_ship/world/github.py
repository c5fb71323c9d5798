"""GitHub's REST API: sending requests within limits, and explaining refusals.

https://docs.github.com/en/rest/using-the-rest-api describes the API's limits, pages and errors.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from nox_ship import process
from nox_ship.addresses import is_loopback
from nox_ship.errors import Kind, ShipError
from nox_ship.world import web

FORGE_UNREACHABLE = Kind("NS780", "forge-unreachable", "Run the same command again to finish the release.")
TOKEN_REFUSED = Kind("NS781", "forge-token-refused", "Set `GH_TOKEN` to a valid token, or unset it.")
FORBIDDEN = Kind(
    "NS782",
    "forge-forbidden",
    "Give the token write access to the repository's contents; in a workflow, the job needs `contents: write`.",
)
LIMITED = Kind("NS783", "forge-limit", "Run the same command again after that time.")
NO_REPOSITORY = Kind(
    "NS784",
    "forge-repository-missing",
    "Correct the remote (`git remote set-url`) if the repository was moved, or use a token that has access to it.",
)
REFUSED = Kind("NS785", "forge-refused", "Fix what GitHub reports, then run the same command again.")

_MOST_PAGES = 100
_MINUTE, _HOUR = 60.0, 3600.0
"""Seconds to wait if GitHub limits requests without saying how long, and the longest such wait."""
_LONGEST_FILE = 64 << 20
"""Bytes of the largest file whose end can be read."""
_NEXT = re.compile(r'<([^<>]+)>\s*;\s*rel="next"')


class UnclearError(ShipError):
    """A request got no answer, so GitHub may have carried it out (NS780)."""


@dataclass
class Allowance:
    """How many requests the API still allows, from its last answer."""

    remaining: int | None = None
    """Requests left; None if the answer did not say."""
    renewed: float = 0.0
    """When the limit is reset, as a moment of `time.monotonic`."""

    def take(self, answer: web.Answer) -> None:
        """Read the limit from an answer."""
        left = _number(answer.headers.get("x-ratelimit-remaining"))
        renewed = _number(answer.headers.get("x-ratelimit-reset"))
        if left is not None and renewed is not None:
            wait = min(max(renewed - answer.at.timestamp(), 0.0), _HOUR)
            self.remaining, self.renewed = int(left), time.monotonic() + wait

    def pause(self, requests: int, least: float) -> float:
        """Return how many seconds to leave between rounds of requests so that the remaining ones last until the reset.

        Args:
            requests: How many requests a round needs.
            least: The least number of seconds to return.
        """
        if self.remaining is None:
            return least
        left = max(self.renewed - time.monotonic(), 0.0)
        rounds = self.remaining // requests
        return max(left / rounds if rounds else left + 1, least)


@dataclass(frozen=True)
class GitHubApi:
    """The API, for one repository."""

    base: str
    """The API's address, such as ``https://api.github.com``."""
    slug: str
    """The repository as owner/name."""
    token: str | None = field(default=None, repr=False)
    patience: float = 120
    """Seconds to wait at most when the API limits requests."""
    seconds: float = 300
    """Seconds that a file upload may take."""
    timeout: float = web.SECONDS
    """Seconds that any other request may take."""
    pauses: tuple[float, ...] = (1.0, 4.0)
    """Seconds to wait before repeating a request that got no answer."""
    sleep: Callable[[float], object] = field(default=time.sleep, repr=False, compare=False)
    allowance: Allowance = field(default_factory=Allowance, repr=False, compare=False)
    """The limit of requests, from the last answer."""
    tell: Callable[[str], object] = field(default=lambda _: None, repr=False, compare=False)
    """Called with a message before waiting because of the limit."""

    def ask(self, method: str, path: str, value: object = None, *, allowed: Collection[int] = ()) -> web.Answer:
        """Send a request, repeat it if that is safe, and wait if the API limits requests.

        Args:
            method: The HTTP method.
            path: The path below the repository, or a whole address on the API's host.
            value: The JSON value to send.
            allowed: Error statuses to return instead of raising.

        Raises:
            UnclearError: There is no answer (NS780).
            ShipError: The API refuses the request (NS781 to NS785).
        """
        url = path if path.startswith("http") else f"{self.base}/repos/{self.slug}{path}"
        pauses = () if method == "POST" else self.pauses
        return self._tried(lambda: web.send(method, url, value, self._headers, seconds=self.timeout), pauses, allowed)

    def upload(self, url: str, file: Path, *, allowed: Collection[int] = ()) -> web.Answer:
        """Upload a file to an address that the API named.

        Raises:
            UnclearError: There is no answer (NS780).
            ShipError: The address is on another site, or the API refuses the file (NS781 to NS785).
        """
        if not self.is_ours(url):
            raise ShipError(REFUSED(f"{self.base} names {url} for uploads, which is on another host.", remedy=""))
        headers = {**self._headers, "Content-Type": "application/octet-stream"}
        seconds = web.time_for(file.stat().st_size, self.seconds)
        return self._tried(lambda: web.put_file(url, file, headers, seconds=seconds), (), allowed)

    def pages(self, path: str, key: str | None = None, *, absent: Collection[int] = ()) -> Iterator[Any]:
        """Yield the items of a paginated list.

        Args:
            path: The path below the repository; it may have a query.
            key: The key of the list in the answer; None if the answer is the list.
            absent: Statuses that mean there is no such list; nothing is yielded then.

        Raises:
            ShipError: As for `ask`, or the list has no end (NS785).
        """
        url = f"{path}{'&' if '?' in path else '?'}per_page=100"
        for _ in range(_MOST_PAGES):
            answer = self.ask("GET", url, allowed=absent)
            if not answer.ok:
                return
            yield from parsed(answer, list) if key is None else _listed(parsed(answer, dict), key)
            following = _NEXT.search(answer.headers.get("link", ""))
            if following is None:
                return
            url = following[1]
            if urlsplit(url)[:2] != urlsplit(self.base)[:2]:
                break
        raise ShipError(REFUSED(f"GitHub's list of {path.partition('?')[0].strip('/')} in {self.slug} has no end."))

    def tail(self, path: str, most: int) -> bytes:
        """Return the end of a file that the API redirects to; the token is not sent there.

        Args:
            path: The path below the repository.
            most: How many bytes to return.

        Raises:
            UnclearError: The file does not arrive whole (NS780).
            ShipError: The API refuses the request, or redirects to this machine (NS781 to NS785).
        """
        answer = self.ask("GET", path, allowed=(302,))
        target, end = answer.headers.get("location", ""), answer.body[-most:]
        if answer.ok:
            return end
        if is_loopback(urlsplit(target).hostname) and not is_loopback(urlsplit(self.base).hostname):
            raise ShipError(REFUSED(f"{self.base} redirects to this machine.", remedy=""))

        def take(block: bytes) -> None:
            nonlocal end
            end = (end + block)[-most:]

        end = b""
        try:
            web.download(target, take, most=_LONGEST_FILE, seconds=self.timeout)
        except web.WebError as error:  # its text may hold the address, which works like a password
            raise UnclearError(FORGE_UNREACHABLE("GitHub did not send the whole file.")) from error
        return end

    @property
    def _headers(self) -> dict[str, str]:
        headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
        return {**headers, "Authorization": f"Bearer {self.token}"} if self.token else headers

    def is_ours(self, url: str) -> bool:
        """Whether an address is on the API's host or its subdomains; the token is sent nowhere else."""
        ours, theirs = urlsplit(self.base), urlsplit(url)
        if ours.scheme != theirs.scheme:
            return False
        one, other = ours.hostname or "", theirs.hostname or ""
        site = one.partition(".")[2]
        beside = "." in site and site == other.partition(".")[2] and not site[-1].isdigit()
        return one == other or beside or (is_loopback(one) and is_loopback(other))

    def _tried(self, send: Callable[[], web.Answer], pauses: Collection[float], allowed: Collection[int]) -> web.Answer:
        left, waited = iter(pauses), 0.0
        while True:
            try:
                answer = send()
                trouble = f"it answered {answer.status}" if answer.status >= 500 else ""  # noqa: PLR2004 - 5xx
            except web.WebError as error:
                trouble = str(error)
            if not trouble:
                self.allowance.take(answer)
                wait = _limit(answer)
                if wait is None:
                    return self._judged(answer, allowed)
                if waited + wait > self.patience:
                    raise ShipError(LIMITED(f"GitHub limits requests; the limit ends in {wait / _MINUTE:.0f} minutes."))
                waited += wait
                self.tell(f"GitHub limits requests: waiting {wait:.0f} seconds before the next one")
                self.sleep(wait)
                continue
            pause = next(left, None)
            if pause is None:
                raise UnclearError(FORGE_UNREACHABLE(self._hidden(f"GitHub did not answer: {trouble}.")))
            self.sleep(pause)

    def _judged(self, answer: web.Answer, allowed: Collection[int]) -> web.Answer:
        """Return an answer that is a success, or whose status is allowed.

        Raises:
            ShipError: It is neither (NS781 to NS785).
        """
        if answer.ok or answer.status in allowed:
            return answer
        said = self._hidden(message(answer))
        what = f"GitHub answered {answer.status} for {self.slug}{f': {said}' if said else ''}.".replace("..", ".")
        if answer.status == 401:  # noqa: PLR2004 - HTTP's own numbers
            raise ShipError(TOKEN_REFUSED(what))
        if answer.status == 403:  # noqa: PLR2004
            raise ShipError(FORBIDDEN(what))
        if answer.status in (301, 302, 307, 308, 404):
            raise ShipError(NO_REPOSITORY(what))
        raise ShipError(REFUSED(what))

    def _hidden(self, text: str) -> str:
        return process.hide(text, [self.token]) if self.token else text


def message(answer: web.Answer) -> str:
    """Return the message of an API error, with the codes of its details."""
    try:
        told = answer.json()
    except web.WebError:
        return ""
    if not isinstance(told, dict):
        return ""
    errors = told.get("errors")
    parts = [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    codes = [f"{part.get('field', '')} {part.get('message') or part.get('code', '')}".strip() for part in parts]
    return "; ".join([str(told.get("message", "")).rstrip("."), *codes])


def parsed(answer: web.Answer, kind: type) -> Any:
    """Return the JSON value in an answer.

    Raises:
            ShipError: It does not have the expected type (NS785).
    """
    try:
        value = answer.json()
    except web.WebError as error:
        raise ShipError(REFUSED(f"GitHub's answer cannot be read: {error}.", remedy="")) from error
    if not isinstance(value, kind):
        raise ShipError(REFUSED("GitHub's answer is not what its documentation says.", remedy=""))
    return value


def _listed(value: dict[str, Any], key: str) -> list[Any]:
    found = value.get(key)
    if not isinstance(found, list):
        raise ShipError(REFUSED("GitHub's answer is not what its documentation says.", remedy=""))
    return found


def _limit(answer: web.Answer) -> float | None:
    """Return how many seconds to wait if the API limits requests; None if it does not."""
    if answer.status not in (403, 429):
        return None
    headers = answer.headers
    if after := _number(headers.get("retry-after")):
        return after
    if headers.get("x-ratelimit-remaining") == "0":
        return max((_number(headers.get("x-ratelimit-reset")) or 0.0) - answer.at.timestamp(), 1.0)
    limited = answer.status == 429 or "secondary rate limit" in message(answer)  # noqa: PLR2004
    return _MINUTE if limited else None


def _number(text: str | None) -> float | None:
    return float(text) if text and re.fullmatch(r"\d{1,12}", text) else None
