"""Credentials under unusual names, in other forms, or inside other values."""

from __future__ import annotations

import os
import sys

import pytest

from nox_ship import process
from support import each

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
PEM = "-----BEGIN OPENSSH ¦PRIVATE KEY-----\nb3BlbnNzaA==\n-----END OPENSSH PRIVATE KEY-----\n"


@each(
    "name",
    [
        "SYSTEM_ACCESSTOKEN",
        "DEPLOY_KEY",
        "DOCKER_AUTH_CONFIG",
        "SSH_AUTH_SOCK",
        "SSH_KEY",
        "SIGNING_KEY",
        "AWS_ACCESS_KEY_ID",
        "STORAGE_ACCOUNT_KEY",
        "STRIPE_KEY",
        "CLIENTSECRET",
        "NPMTOKEN",
        "PGPASSFILE",
        "NETRC",
        "KUBECONFIG",
        "SLACK_WEBHOOK_URL",
        "AZURE_STORAGE_CONNECTION_STRING",
        "SESSION_COOKIE",
        "GIT_CREDS",
        "RENOVATE_PAT",
        "TOKEN_2",
        "PASSWORD_FILE",
        "SSH_KEY_B64",
        "GPG_KEY_BASE64",
        "AUTHORIZATION",
        "HTTP_AUTHORIZATION",
        "DB_PW",
        "ADMIN_PSWD",
        "OAUTH",
        "MY_OAUTH2",
        "PGPASS",
        "AZURE_STORAGE_SAS",
        "OPENAIAPIKEY",
        "my.token",
        "my.secret.key",
        "BEARER",
    ],
)
def test_names_of_secrets_are_known(name: str) -> None:
    """A variable is secret if a word of its name is, so that variants of common names are recognized too."""
    assert process.secret_names({name: "/some/value"}) == [name]


@each(
    "name",
    [
        "PYTHONPATH",
        "KEYBOARD",
        "KEYMAP",
        "MONKEY",
        "TURKEY",
        "TOKENIZERS_PARALLELISM",
        "PWD",
        "OLDPWD",
        "PW_TEST_HTML_REPORT_OPEN",
        "PWDEBUG",
        "SAS",
        "SAS_HOME",
        "VISAS",
        "BYPASS",
        "COMPASS_HOME",
        "GIT_AUTHOR_NAME",
        "XAUTHORITY",
        "AUTHORS",
        "SSH_PUBLIC_KEY_B64",
        "PATTERN",
        "PATH",
        "BASE64",
        "os.name",
    ],
)
def test_names_that_merely_look_alike_are_no_secrets(name: str) -> None:
    """Variables whose names only resemble those of secrets are left to programs."""
    assert process.secret_names({name: "/some/value"}) == []


@each(
    ("name", "value"),
    [
        ("PASSWORD_MIN_LENGTH", "8"),
        ("TOKEN_EXPIRE_MINUTES", "30"),
        ("AUTH_ENABLED", "true"),
        ("SECRET_SCAN", "off"),
        ("INDEX", "https://index.example/simple/"),
        ("MAIL", "me@index.example"),
        ("CLONE", "ssh://git@forge.example/x.git"),
        ("DOCKER", '{"auths": {}}'),
        ("CERTIFICATE", "-----BEGIN CERTIFICATE-----\nMIIB\n"),
        ("RUN", "task-0123456789-0123456789"),
        ("LIBC", "glibc-2.31-0ubuntu9.9-amd64"),
        ("PYTEST_ADDOPTS", "-k password -p no:randomly"),
    ],
)
def test_settings_are_no_secrets(name: str, value: str) -> None:
    """Numbers, switches, and addresses without a password are no secrets, even under a suspicious name."""
    assert process.secret_names({name: value}) == []


@each(
    "value",  # The mark ¦ keeps scanners from taking these for real.
    [
        "gl¦pat-0123456789abcdefghij",
        "gl¦dt-0123456789abcdefghij",
        "npm¦_0123456789abcdefghijABCDEFGHIJ012345",
        JWT,
        PEM,
        PEM.replace("OPENSSH ", "RSA "),
        PEM.replace("\n", "\\n"),
        "LS0tLS1CRUdJTiBPUEVOU1NIIFBSSVZBVEUgS0VZLS0tLS0K",
        '{"type": "service_account", "private_key": "-----BEGIN ¦PRIVATE KEY-----\\nMII"}',
        "AK¦IA0123456789ABCDEF",
        "xo¦xb-0123456789-abcdefghij",
        "https://hooks.¦slack.com/services/T0/B0/x",
        "sk¦_live_0123456789abcdef",
        "sk¦-proj-0123456789abcdefghij",
        "sk¦-ant-api03-0123456789abcdefghij",
        "hf¦_0123456789abcdefghijABCDEFGHIJ",
        "postgres://user:word@host/db",
        "redis://:word@host:6379/0",
        "amqps://user:word@host/vhost",
        "https://0123456789abcdef@index.example/simple/",
        "https://user:word@index.example/simple/",
        "Server=x;User Id=y;Password=word;",
        "DefaultEndpointsProtocol=https;AccountName=x;AccountKey=abc==;",
        "host=x user=y password=word",
        "machine index.example login me password word",
        "machine index.example\n  password word",
        "Authorization: Basic dXNlcjp3b3Jk",
        "Bearer 0123456789abcdef",
        "--token=gh¦p_0123456789abcdefghij --quiet",
        '{"token": "github¦_pat_11ABCDEFG0123456789_abc"}',
        f"x {JWT} y",
        "GOC¦SPX-0123456789abcdefghij",
        '{"auths": {"registry.example": {"auth": "x"}}}',
        '{"auths":{"registry.example":{}},"credsStore":"x"}',
        "eyJ¦hdXRocyI6eyJyIjp7ImF1dGgiOiJ4In19fQ==",
        "---- BEGIN SSH2 ENCRYPTED ¦PRIVATE KEY ----",
        "-----BEGIN PGP ¦PRIVATE KEY BLOCK-----",
    ],
)
def test_values_of_secrets_are_known(value: str) -> None:
    """Tokens, keys and connection strings are recognized by their form, alone or within a text, under any name."""
    assert process.secret_names({"HARMLESS": value.replace("¦", "")}) == ["HARMLESS"]


@each(
    ("name", "value", "left"),
    [
        ("PIP_INDEX_URL", "https://user:word@index.example/simple/", "https://index.example/simple/"),
        ("UV_INDEX", "a=https://word@a.example/ https://u:p@b.example/", "a=https://a.example/ https://b.example/"),
        ("UV_DEFAULT_INDEX", "https://u:p@b.example/", "https://b.example/"),
        ("HTTPS_PROXY", "http://user:word@proxy.example:3128", "http://proxy.example:3128"),
        ("no_proxy", "localhost", "localhost"),
        ("UV_INDEX_PRIVATE_PASSWORD", "word", None),
        ("UV_PUBLISH_TOKEN", "word", None),
        ("PIP_PASSWORD", "https://u:p@b.example/", None),
        ("DATABASE_URL", "postgres://user:word@host/db", None),
        ("UV_EXTRA", "gl¦pat-0123456789abcdefghij https://u:p@h/", None),
    ],
)
def test_installers_keep_the_address_without_its_password(name: str, value: str, left: str | None) -> None:
    """Installers keep the address of a private index without its password; other secrets are removed completely."""
    value = value.replace("¦", "")
    assert process.scrubbed({name: value}) == ({} if left is None else {name: left})
    assert process.scrubbed({name: value}, keep=[name]) == {name: value}


@pytest.mark.parametrize("name", ["GITHUB_ENV", "GITHUB_PATH", "GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY"])
def test_nothing_we_start_sees_a_file_of_commands(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Programs that nox-ship starts do not see the files through which a step gives commands to the runner."""
    monkeypatch.setenv(name, "/somewhere")
    assert name not in process.run([sys.executable, "-c", "import os; print(*os.environ)"]).stdout.split()
    assert process.withheld(os.environ)[name] is None


def test_settings_of_git_with_a_credential_go_as_one() -> None:
    """If one of git's settings in the environment holds a credential, all of them are removed, as they are numbered."""
    env = {
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
        "GIT_CONFIG_KEY_1": "http.extraHeader",
    }
    assert process.scrubbed({**env, "GIT_CONFIG_VALUE_1": "x-y: z"}) == {**env, "GIT_CONFIG_VALUE_1": "x-y: z"}
    assert process.scrubbed({**env, "GIT_CONFIG_VALUE_1": "AUTHORIZATION: basic x"}) == {}
    assert process.scrubbed({**env, "GIT_TRACE_CURL": "1", "GIT_CURL_VERBOSE": "1", "GIT_CONFIG_VALUE_1": "x"}) == {
        **env,
        "GIT_CONFIG_VALUE_1": "x",
    }
