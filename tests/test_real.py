from __future__ import annotations

from pathlib import Path

import pytest
from twine.utils import DEFAULT_REPOSITORY, TEST_REPOSITORY

from nox_ship.config import IndexSettings, PublishSettings, Settings
from nox_ship.errors import ShipError
from nox_ship.world.real import RealWorld, index_addresses, token_variable
from support import each, git, make_repository


@pytest.mark.slow
def test_the_public_indexes_are_where_twine_and_pypi_simple_say() -> None:
    """The addresses of PyPI and TestPyPI are those that twine and pypi-simple have."""
    from pypi_simple import PYPI_SIMPLE_ENDPOINT  # imported here because it is slow to import

    pypi, testpypi = (index_addresses(name, Settings()) for name in ("pypi", "testpypi"))
    assert (pypi.upload_url, pypi.simple_url) == (DEFAULT_REPOSITORY, PYPI_SIMPLE_ENDPOINT)
    assert testpypi.upload_url == TEST_REPOSITORY
    base = testpypi.upload_url.removesuffix("legacy/")
    assert (testpypi.simple_url, testpypi.json_url) == (f"{base}simple/", f"{base}pypi/")
    assert pypi.json_url == PYPI_SIMPLE_ENDPOINT.replace("simple", "pypi")


def test_settings_send_an_index_elsewhere() -> None:
    """Addresses in the settings replace the usual ones; base URLs get a slash at the end, the upload URL does not."""
    own = IndexSettings("https://a.example/up", "https://a.example/simple", "https://a.example/json")
    expected = IndexSettings("https://a.example/up", "https://a.example/simple/", "https://a.example/json/")
    assert index_addresses("pypi", Settings(indexes={"pypi": own})) == expected
    assert index_addresses("mine", Settings(indexes={"mine": own})) == expected


def test_an_unknown_index_is_refused() -> None:
    """An unknown index is refused with NS753, which lists the known ones."""
    own = IndexSettings("https://a.example/up", "https://a.example/simple")
    with pytest.raises(ShipError, match=r"NS753.*'other'.*mine, pypi, testpypi"):
        index_addresses("other", Settings(indexes={"mine": own}))


@each(
    ("name", "tokens", "expected"),
    [
        ("pypi", {}, "PYPI_API_TOKEN"),
        ("testpypi", {}, "TEST_PYPI_API_TOKEN"),
        ("my-index.two", {}, "MY_INDEX_TWO_API_TOKEN"),
        ("pypi", {"pypi": "MINE"}, "MINE"),
        ("testpypi", {"pypi": "MINE"}, "TEST_PYPI_API_TOKEN"),
    ],
)
def test_each_index_has_a_variable_for_its_token(name: str, tokens: dict[str, str], expected: str) -> None:
    """The variable for a token is named after its index, unless the settings name another."""
    assert token_variable(name, Settings(publish=PublishSettings(tokens=tokens))) == expected


def test_an_upload_gets_what_the_settings_hand_on(tmp_path: Path) -> None:
    """Uploads get the variables that the setting `pass-env` names."""
    with RealWorld(tmp_path, tmp_path / "world", Settings(pass_env=("PROXY_PASSWORD",))) as world:
        assert world.index("pypi", "sample").keep == ("PROXY_PASSWORD",)


def test_the_real_world_is_the_checkout_and_its_remote(tmp_path: Path) -> None:
    """The real world pushes from the checkout itself; without a remote, that is NS213."""
    repository = make_repository(tmp_path / "checkout")
    with RealWorld(repository.path, tmp_path / "world", Settings()) as world, pytest.raises(ShipError, match="NS213"):
        world.known_refs()
    git(repository.path, "remote", "add", "origin", str(repository.path))
    with RealWorld(repository.path, tmp_path / "world", Settings()) as world:
        assert world.remote.local.path == world.checkout.path == repository.path
        assert world.known_refs() == {"refs/heads/main": repository.head}
        assert world.rehearsal_index.files("sample", "1.0") == {}
