"""The credentials for an upload: the possible places are searched in order, and the first match counts."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote, quote_plus, urlsplit

from nox_ship import process
from nox_ship.errors import Finding, Findings, Kind, ShipError
from nox_ship.world import attest
from nox_ship.world.token import check_goal, check_token
from nox_ship.world.trusted import TrustedPublisher

NO_CREDENTIALS = Kind(
    "NS741", "no-credentials", "Set up trusted publishing, or put an API token in one of these places."
)
EMPTY_CREDENTIALS = Kind(
    "NS742", "empty-credentials", "Set a value; in a workflow, a secret that does not exist is an empty string."
)
OTHER_CREDENTIALS = Kind(
    "NS744", "other-credentials-used", "Correct the trusted publisher, or remove `id-token: write`.", level="warning"
)

TOKEN_USER = "__token__"  # noqa: S105 - the user name that goes with an API token
TRUSTED = "trusted publishing"


Ask = Callable[[str, bool], str]
"""Shows a question and returns the answer; the second argument says whether the answer is secret and not echoed."""


@dataclass(frozen=True)
class Login:
    """The user and the password, or API token, of one upload."""

    user: str
    password: str = field(repr=False)

    @property
    def basic(self) -> str:
        """The value of HTTP basic authentication (RFC 7617)."""
        return base64.b64encode(f"{self.user}:{self.password}".encode()).decode()

    def hidden(self, text: str) -> str:
        """Return ``text`` with the credentials removed, in each form in which an index may repeat them."""
        quoted = (form(value) for value in (self.user, self.password) for form in (str, quote, _quoted, quote_plus))
        return process.hide(text, [*quoted, self.basic])


@dataclass(frozen=True)
class Credentials:
    """What an upload authenticates with."""

    kind: str
    """Their source, for the report; never a value."""
    login: Callable[[], Login] = field(repr=False)
    """Returns the credentials for one upload, renewed each time."""
    signs: bool = False
    """Whether each file is uploaded with an attestation (PEP 740)."""
    warnings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Wanted:
    """Which credentials to look for."""

    index: str
    """The index's name in the settings, such as ``pypi``."""
    shown: str
    """The index's display name."""
    upload_url: str
    token_variable: str
    """The name of the variable that may hold an API token."""
    project: str
    token_host: str | None = None
    """The host named in the index's tokens; None if they need not have PyPI's format."""
    signs: bool = False
    """Whether a trusted publisher signs its uploads."""
    ask: Ask | None = None
    """Asks the user; None if nobody can be asked."""
    quietly: bool = False
    """Whether only to look: no token is requested in an exchange, and no keyring is opened."""
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The environment variables, which may hold credentials or give an identity."""


@dataclass
class _Search:
    """A search of all places; ``empty`` and ``refused`` record unusable results."""

    wanted: Wanted
    empty: list[str] = field(default_factory=list)
    refused: list[Finding] = field(default_factory=list)

    def places(self) -> Iterator[Credentials | None]:
        quietly = self.wanted.quietly
        yield None if quietly else self._trusted()
        yield self._twine_variables()
        yield self._token_variable()
        yield self._pypirc()
        yield None if quietly else self._keyring()
        yield self._prompt()

    def _trusted(self) -> Credentials | None:
        try:
            publisher = TrustedPublisher.of(self.wanted.shown, self.wanted.upload_url, self.wanted.variables)
            if publisher is None or publisher.token() is None:
                return None
        except ShipError as error:
            self.refused += error.findings
            return None

        signs = self.wanted.signs and attest.is_installed()
        what = "Files are uploaded without attestations (PEP 740): pypi-attestations is not installed."
        lacking = (attest.NO_SIGNER(what),) if self.wanted.signs and not signs else ()
        return Credentials(TRUSTED, lambda: Login(TOKEN_USER, publisher.token() or ""), signs, lacking)

    def _twine_variables(self) -> Credentials | None:
        user = self.wanted.variables.get("TWINE_USERNAME", "").strip()
        return self._fixed("TWINE_PASSWORD", user, self.wanted.variables.get("TWINE_PASSWORD"))

    def _token_variable(self) -> Credentials | None:
        name = self.wanted.token_variable
        return self._fixed(name, TOKEN_USER, self.wanted.variables.get(name))

    def _pypirc(self) -> Credentials | None:
        from twine.exceptions import TwineException
        from twine.utils import DEFAULT_CONFIG_FILE, get_config

        path = Path(DEFAULT_CONFIG_FILE).expanduser()
        if not path.is_file():
            return None
        try:
            config = get_config(str(path))
        except Exception as error:  # noqa: BLE001 - parsers quote the line they choke on, which may be the token
            reason = "it cannot be read" if isinstance(error, TwineException | OSError) else "it is not an INI file"
            raise ShipError(NO_CREDENTIALS(f"{DEFAULT_CONFIG_FILE} cannot be used: {reason}.")) from None
        for name, entry in config.items():
            address = entry.get("repository") or ""
            if address == self.wanted.upload_url or (name == self.wanted.index and self._same_host(address)):
                return self._fixed(DEFAULT_CONFIG_FILE, entry.get("username") or "", entry.get("password"))
        return None

    def _same_host(self, address: str) -> bool:
        """Whether an address is on the index's own host; the name alone may have been given to another index."""
        try:
            return urlsplit(address)[:2] == urlsplit(self.wanted.upload_url)[:2]
        except ValueError:
            return False

    def _keyring(self) -> Credentials | None:
        try:
            import keyring

            user = TOKEN_USER
            if self.wanted.token_host is None and (entry := keyring.get_credential(self.wanted.upload_url, None)):
                user = entry.username
            password = keyring.get_password(self.wanted.upload_url, user)
        except Exception:  # noqa: BLE001 - keyring backends raise what they like; one that does not work has nothing
            return None
        return self._fixed("keyring", user, password)

    def _prompt(self) -> Credentials | None:
        ask, shown, user = self.wanted.ask, self.wanted.shown, TOKEN_USER
        if ask is None:
            return None
        if self.wanted.token_host is None:
            user = ask(f"User name on {shown} (empty for an API token): ", False).strip() or TOKEN_USER
        secret = ask(f"{'API token' if user == TOKEN_USER else 'Password'} for {shown} (empty to stop): ", True)
        return self._fixed("the terminal", user, secret) if secret.strip() else None

    def _fixed(self, source: str, user: str, password: str | None) -> Credentials | None:
        """Return unchanging credentials; empty ones are recorded, malformed ones stop the search."""
        if password is None:
            return None
        secret = password.strip()
        if not secret:
            self.empty.append(source)
            return None
        if self.wanted.token_host and (user or TOKEN_USER) == TOKEN_USER:
            problems = Findings(check_token(secret, source, self.wanted.token_host, self.wanted.project))
            problems.raise_errors()
        Findings(check_goal(secret, source, self.wanted.upload_url)).raise_errors()
        return Credentials(source, lambda: Login(user or TOKEN_USER, secret))


def _quoted(value: str) -> str:
    return quote(value, "")


def find_credentials(wanted: Wanted) -> Credentials:
    """Search all places and return the first usable credentials.

    A trusted publisher's exchange is tried, and an API token's format is checked; values are not shown anywhere.

    Raises:
        ShipError: There are none (NS741), they are empty (NS742), malformed (NS743) or for another upload (NS722,
            NS723, NS725), or trusted publishing is refused (NS730-NS732, NS739).
    """
    search = _Search(wanted)
    for found in search.places():
        if found is not None:
            refused = (
                OTHER_CREDENTIALS(f"{finding} Credentials from {found.kind} are used.") for finding in search.refused
            )
            return replace(found, warnings=(*found.warnings, *refused))
    if search.refused:
        raise ShipError(*search.refused)
    if search.empty:
        raise ShipError(EMPTY_CREDENTIALS(f"The credentials in {', '.join(search.empty)} are empty."))
    places = f"TWINE_USERNAME and TWINE_PASSWORD, {wanted.token_variable}, ~/.pypirc"
    if wanted.quietly:
        what = f"No credentials for {wanted.shown} in {places}; the keyring was not opened."
        raise ShipError(
            NO_CREDENTIALS(what, remedy="A release looks there too, and asks for credentials on a terminal.")
        )
    what = f"No credentials for {wanted.shown} from trusted publishing (in CI), {places} or the keyring."
    raise ShipError(NO_CREDENTIALS(what))
