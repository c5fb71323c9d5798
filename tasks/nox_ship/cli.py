"""The arguments after ``--`` of nox-ship's own sessions."""

from __future__ import annotations

import argparse
import importlib.metadata
import platform
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NoReturn

from packaging.version import Version

from nox_ship import naming, versions
from nox_ship.errors import Kind, ShipError
from nox_ship.manual import SESSIONS, Entry

LATEST = "latest"
"""Stands for the version of the newest release tag."""
BAD_ARGUMENTS = Kind("NS108", "bad-arguments", "Correct the arguments.")


_CUT = {
    "onto": "the commit from which the release was cut",
    "branch": "the release branch",
    "commit": "the release's commit",
    "tag": "the release's tag",
    "tag-object": "the hash of the tag object",
}


class _Parser(argparse.ArgumentParser):
    """An argument parser with our errors; its help has examples and the page to read."""

    entry: Entry | None = None

    def error(self, message: str) -> NoReturn:
        """Raise the error that argparse would print."""
        raise ShipError(
            BAD_ARGUMENTS(f"{message[:1].upper()}{message[1:]}.", remedy=" ".join(self.format_usage().split()))
        )

    def format_help(self) -> str:
        """Return the help, with the session's registered name."""
        text = super().format_help()
        if self.entry:
            width = max(len(command) for command, _ in self.entry.examples)
            lines = [f"  {command:{width}}  {what}" for command, what in self.entry.examples]
            text = "\n".join([text, "examples:", *lines, "", f"Read more: docs/{self.entry.page}", ""])
        return naming.spoken(text)


def _parser(session: str, *, add_help: bool = True) -> _Parser:
    """Return a parser for a session's arguments, which are still to be added."""
    what = SESSIONS[session].what
    parser = _Parser(prog=f"nox -s {session} --", description=what, allow_abbrev=False, add_help=add_help)
    parser.entry = SESSIONS[session]
    return parser


def release_arguments(args: Sequence[str]) -> argparse.Namespace:
    """Parse what follows ``nox -s release --``.

    Raises:
        ShipError: The arguments are wrong (NS108).
    """
    parser = _parser("release")
    parser.add_argument(
        "wanted",
        nargs="?",
        metavar="VERSION",
        help="patch, minor, major, alpha, beta, rc, final, minor-rc..., 1.4.0, or auto (decided by the changes)",
    )
    parser.add_argument("--dry-run", action="store_true", help="rehearse the release with stand-ins; change nothing")
    parser.add_argument(
        "--early",
        action="store_true",
        help="with --dry-run: rehearse the next release even if nothing was committed for it yet",
    )
    parser.add_argument(
        "--bundle", type=Path, metavar="FILE", help="only make commit and tag, and write them to FILE for another job"
    )
    parser.add_argument(
        "--wait",
        action="store_true",
        help="if a workflow publishes, follow it until the index serves the release, and verify that",
    )
    parser.add_argument(
        "--merged", metavar="TAG", help="with --bundle: make the tag alone, on a commit that a pull request has brought"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask before the push")
    parser.add_argument("--without", action="append", default=[], metavar="GATE", help="leave out a gate this time")
    _add_without_check(parser)
    parser.add_argument("--fresh", action="store_true", help="ignore what earlier runs left")
    parser.add_argument("--verbose", action="store_true", help="also show the output of tools that pass")
    parser.add_argument(
        "--report",
        type=Path,
        metavar="FILE",
        help="also write the report to this file (.html, .md, or JSON)",
    )
    options = parser.parse_args(args)
    if options.wait and options.bundle:
        parser.error("argument --wait: not allowed with argument --bundle, which pushes nothing")
    if options.merged and not options.bundle:
        parser.error("--merged is for a job that cuts a release: add --bundle")
    if options.early and not options.dry_run:
        parser.error("--early is for rehearsals: add --dry-run")
    return options


def asks_for_help(command_line: Sequence[str]) -> bool:
    """Whether a nox command line asks for a session's help, such as ``nox -s publish -- --help``."""
    after = command_line[list(command_line).index("--") + 1 :] if "--" in command_line else ()
    return bool({"-h", "--help"} & set(after))


def no_arguments(args: Sequence[str], session: str) -> None:
    """Show the help of a session without arguments if ``--help`` is given; other arguments are for other sessions."""
    _parser(session).parse_known_args(args)


def tool_arguments(args: Sequence[str], session: str) -> None:
    """Show the help of a session that passes its arguments to a tool if ``--help`` is given; ``-h`` is the tool's."""
    if "--help" in args:
        parser = _parser(session, add_help=False)
        parser.add_argument("arguments", nargs="*", metavar="ARGUMENT", help="passed to the tool")
        parser.add_argument("--help", action="help", help="show this help message and exit")
        parser.parse_args(["--help"])


def verify_install_arguments(args: Sequence[str]) -> argparse.Namespace:
    """Parse what follows ``nox -s verify-install --``; other arguments are for other sessions."""
    parser = _parser("verify-install")
    chosen = "which files to install; a workflow tests the sdist in only one of its jobs (default: %(default)s)"
    parser.add_argument("--files", choices=("all", "wheels"), default="all", help=chosen)
    return parser.parse_known_args(args)[0]


def publish_arguments(args: Sequence[str], session: str = "publish") -> argparse.Namespace:
    """Parse what follows ``nox -s publish --``, or another ``session`` that publishes.

    Raises:
        ShipError: The arguments are wrong (NS108).
    """
    parser = _parser(session)
    _add_publish(parser)
    return parser.parse_args(args)


def announce_arguments(args: Sequence[str]) -> argparse.Namespace:
    """Parse what follows ``nox -s announce --``.

    Raises:
        ShipError: The arguments are wrong (NS108).
    """
    parser = _parser("announce")
    parser.add_argument(
        "--sbom", type=Path, metavar="FILE", help="the bill of materials, if any; default: the one made here"
    )
    parser.add_argument(
        "--provenance", type=Path, metavar="FILE", help="the build provenance (a Sigstore bundle), if any"
    )
    return parser.parse_args(args)


def build_arguments(args: Sequence[str]) -> argparse.Namespace:
    """Parse what follows ``nox -s build --``; arguments of publish, which requires build, are ignored here.

    Raises:
        ShipError: The arguments are wrong (NS108).
    """
    parser = _parser("build")
    parser.add_argument("--fresh", action="store_true", help="build even if the manifest matches the files in dist/")
    parser.add_argument("--twice", action="store_true", help="build a second time in another folder, and compare")
    _add_publish(parser, shown=False)
    return parser.parse_args(args)


def wheels_arguments(args: Sequence[str]) -> argparse.Namespace:
    """Parse what follows ``nox -s wheels --``.

    Raises:
        ShipError: The arguments are wrong (NS108).
    """
    parser = _parser("wheels")
    usual = f"{platform.system()}-{platform.machine()}".lower()
    called = "the name of this part, such as the job's runner (default: %(default)s)"
    parser.add_argument("--system", default=usual, metavar="NAME", help=called)
    return parser.parse_args(args)


def collect_arguments(args: Sequence[str]) -> argparse.Namespace:
    """Parse what follows ``nox -s collect --``.

    Raises:
        ShipError: The arguments are wrong (NS108).
    """
    parser = _parser("collect")
    parser.add_argument(
        "folders",
        nargs="*",
        type=Path,
        metavar="FOLDER",
        help="the folders of the parts; default: what `wheels` built here",
    )
    return parser.parse_args(args)


def verify_arguments(args: Sequence[str]) -> argparse.Namespace:
    """Parse what follows ``nox -s verify-published --``.

    Raises:
        ShipError: The arguments are wrong (NS108).
    """
    parser = _parser("verify-published")
    parser.add_argument(
        "version",
        nargs="?",
        type=_version_or_latest,
        metavar="VERSION",
        help="any version, without a manifest or tag; or `latest` for the newest release tag;"
        " default: the version built here, or the release at HEAD",
    )
    parser.add_argument("--from", dest="source", metavar="NAME", help="the index; default: the version's route")
    parser.add_argument(
        "--rebuild",
        action="store_true",
        help="also build it again from its tag, and compare that with the served files",
    )
    parser.add_argument(
        "--manifest", type=Path, metavar="FILE", help="the manifest of that version, which records how it was built"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    return parser.parse_args(args)


def doctor_arguments(args: Sequence[str]) -> argparse.Namespace:
    """Parse what follows ``nox -s doctor --``.

    Raises:
        ShipError: The arguments are wrong (NS108).
    """
    parser = _parser("doctor")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    return parser.parse_args(args)


def status_arguments(args: Sequence[str]) -> argparse.Namespace:
    """Parse what follows ``nox -s status --``.

    Raises:
        ShipError: The arguments are wrong (NS108).
    """
    parser = _parser("status")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--history", action="store_true", help="show how recent releases went instead")
    return parser.parse_args(args)


def command_arguments(args: Sequence[str]) -> argparse.Namespace:
    """Parse the arguments of the ``nox-ship`` command.

    Raises:
        ShipError: The arguments are wrong (NS108).
    """
    parser = _Parser(prog="nox-ship", description="Set up release automation for a project.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"nox-ship {importlib.metadata.version('nox-ship')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    init = commands.add_parser("init", help="write missing files: noxfile, workflows", allow_abbrev=False)
    init.add_argument(
        "--ci",
        choices=["github", "gitlab", "none"],
        help="the CI system to write workflows for; default: decided by the remote",
    )
    init.add_argument(
        "--repository",
        type=_repository,
        metavar="OWNER/NAME",
        help="the repository on GitHub or GitLab, if the remote does not show it",
    )
    init.add_argument(
        "--force",
        nargs="*",
        metavar="FILE",
        help="overwrite files that nox-ship wrote and that differ, and files of your own that you name, such as ci.yml",
    )
    init.add_argument("--check", action="store_true", help="write nothing; exit 1 if a workflow has drifted")
    clean = commands.add_parser(
        "clean", help="remove what this project's releases left in the cache", allow_abbrev=False
    )
    clean.add_argument("--all", action="store_true", help="remove what the releases of every project left")
    clean.add_argument("--list", action="store_true", help="list the content; remove nothing")
    clean.add_argument("--force", action="store_true", help="also remove releases that are not known to be complete")
    receive = commands.add_parser(
        "receive", help="in a job without a checkout: take the built files from an artifact", allow_abbrev=False
    )
    receive.add_argument("folder", type=Path, metavar="FOLDER", help="the folder of the downloaded artifact")
    receive.add_argument("--commit", help="the commit from which the files must have been built")
    receive.add_argument("--tag", help="the tag for which they must have been built")
    receive.add_argument("--tree", help="the tree of that commit, if files of another commit with it will do")
    switch = commands.add_parser(
        "switch", help="in a job that runs gates: switch to the release that another job has cut", allow_abbrev=False
    )
    push = commands.add_parser(
        "push", help="in a job that may write: push the release that another job has cut", allow_abbrev=False
    )
    propose = commands.add_parser(
        "propose", help="in a job that may write: propose the release that another job has cut", allow_abbrev=False
    )
    for command in (switch, push, propose):
        command.add_argument(
            "bundle", type=Path, metavar="BUNDLE", help="the file that `release -- VERSION --bundle` wrote"
        )
        for name, what in _CUT.items():
            command.add_argument(f"--{name}", required=True, help=what)
    push.add_argument(
        "--merged", default="", metavar="TAG", help="the tag, if a pull request of ours was merged: it is pushed alone"
    )
    push.add_argument(
        "--auto", action="store_true", help="if the branch is protected, let a later job propose the release instead"
    )
    push.add_argument("--target", default="route", help="value of the input `target` for the run on the tag")
    merged = commands.add_parser(
        "merged", help="in a job on a branch: whether its commit is a release that was merged", allow_abbrev=False
    )
    merged.add_argument("--branch", required=True, help=_CUT["branch"])
    proven = commands.add_parser(
        "proven", help="in a job: check whether another run has proved the release", allow_abbrev=False
    )
    proven.add_argument("--run", default="", help="the ID of the run that cut the release of the job's tag")
    proven.add_argument(
        "--merged", default="", metavar="COMMIT", help="the tip of the pull request that brought the job's commit"
    )
    proven.add_argument("--branch", required=True, help=_CUT["branch"])
    return parser.parse_args(args)


def _version_or_latest(text: str) -> Version | Literal["latest"]:
    version: Version | Literal["latest"] | None = "latest" if text == LATEST else versions.parse(text)
    if version is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a version")
    return version


def _repository(text: str) -> str:
    if not re.fullmatch(r"[\w.-]+(?:/[\w.-]+)+", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is not OWNER/NAME")
    return text


def _add_publish(parser: argparse.ArgumentParser, *, shown: bool = True) -> None:
    def told(text: str) -> str:
        return text if shown else argparse.SUPPRESS

    parser.add_argument(
        "--dry-run", action="store_true", help=told("publish to an index on this machine; touch no other")
    )
    parser.add_argument("--to", metavar="NAME", help=told("pypi, testpypi, or an index from [tool.nox-ship.indexes]"))
    parser.add_argument(
        "--no-install", action="store_true", help=told("upload and compare; leave installing to another job")
    )
    _add_without_check(parser, shown=shown)


def _add_without_check(parser: argparse.ArgumentParser, *, shown: bool = True) -> None:
    what = "leave out a required check (`publish.require-checks`); the report says who did"
    parser.add_argument(
        "--without-check", action="append", default=[], metavar="NAME", help=what if shown else argparse.SUPPRESS
    )
