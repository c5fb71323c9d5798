"""Every refusal in PyPI's upload code: its words, our ID for it, and a fault in a file that causes it.

The words are those of ``warehouse/forklift``, ``warehouse/packaging/services.py``, ``warehouse/macaroons``,
``warehouse/attestations`` and packaging, for a project named ``sample``; addresses are left out. `docs/refusals.md` is
written from this table, and tests compare both.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from drafts import Change, Draft, as_zip64

Where = Literal["build", "preflight", ""]

LARGE, BOMB = 101 << 20, 65 << 20
"""The sizes, in bytes, of a file that is too large and of one that is compressed too well."""
Fault = Callable[[Draft], None]


@dataclass(frozen=True)
class Refusal:
    """One refusal.

    Attributes:
        words: PyPI's words.
        id: The ID under which it is reported if the index answers with it.
        status: PyPI's status.
        foreseen: Where a rehearsal finds it; empty if only the index can know.
        fault: Makes a good file one that is refused in this way; None if no file causes it, or none can be made.
        also: The IDs of other checks that find the same fault.
        check: The ID of the check, if it is not ``id``.
    """

    words: str
    id: str
    status: int = 400
    foreseen: Where = ""
    fault: Change | None = None
    also: tuple[str, ...] = ()
    check: str = ""

    @property
    def foreseen_as(self) -> str:
        """The ID under which a rehearsal reports the fault."""
        return self.check or self.id

    @property
    def slug(self) -> str:
        """A name for tests and tables."""
        words = self.words.replace("Invalid distribution file. ", "").replace(WHEEL, "wheel").lower()
        return "-".join(re.findall(r"[a-z0-9]+", re.sub(r"sample-1\.2\.3\S*", "sdist", words))[:12])


def built(words: str, number: str, fault: Change, *also: str, check: str = "") -> Refusal:
    """Return a refusal that the checks of the built files foresee."""
    return Refusal(words, number, 400, "build", fault, also, check)


def header(*lines: str) -> Change:
    """Return a fault: these lines in the core metadata."""
    return lambda draft: draft.header(*lines)


def in_wheels(fault: Fault) -> Change:
    """Return a fault that only wheels have."""
    return lambda draft: fault(draft) if draft.is_wheel else None


def in_sdists(fault: Fault) -> Change:
    """Return a fault that only sdists have."""
    return lambda draft: None if draft.is_wheel else fault(draft)


def _versioned(version: Callable[[str], str]) -> Change:
    """Change the version in the metadata and the file name."""

    def fault(draft: Draft) -> None:
        old = re.search(r"^Version: (.*)$", draft.metadata, re.MULTILINE)[1]  # type: ignore[index]
        draft.header(f"Version: {version(old)}")
        draft.file = draft.file.replace(f"-{old}", f"-{version(old)}", 1)
        draft.renamed(draft.top.replace(f"-{old}", f"-{version(old)}", 1))

    return fault


def _renamed(old: str, new: str, *, inside: bool = True) -> Change:
    """Change the name of the file and, if ``inside``, of the folder with its metadata."""

    def fault(draft: Draft) -> None:
        draft.file = re.sub(old, new, draft.file, count=1)
        if inside:
            draft.renamed(re.sub(old, new, draft.top, count=1))

    return fault


def _holding(name: str, content: bytes) -> Change:
    """Add a file to the package."""

    def fault(draft: Draft) -> None:
        draft.members[f"{draft.code}{name}"] = content

    return fault


def _without(*names: str) -> Change:
    """Remove files from the folder of the core metadata."""

    def fault(draft: Draft) -> None:
        draft.record = draft.record and "RECORD" not in names
        for name in names:
            draft.members.pop(f"{draft.top}{name}", None)

    return fault


def _described(name: str, text: str) -> Change:
    """Add a file to the .dist-info folder of a wheel."""

    def fault(draft: Draft) -> None:
        draft.members[f"{draft.top}{name}"] = text.encode()

    return fault


def _tagged(tag: str) -> Change:
    """Change the tag of a wheel."""

    def fault(draft: Draft) -> None:
        draft.file = re.sub(r"py[\d.py]*-none-any", tag, draft.file)
        wheel = draft.members[f"{draft.top}WHEEL"].decode()
        lines = [line for line in wheel.splitlines() if not line.startswith("Tag:")]
        interpreters, abis, platforms = (part.split(".") for part in tag.split("-"))
        tags = [f"Tag: {i}-{a}-{p}" for i in interpreters for a in abis for p in platforms]
        draft.members[f"{draft.top}WHEEL"] = "\n".join([*lines, *tags, ""]).encode()

    return fault


def _after(change: Callable[[bytes], bytes]) -> Change:
    """Change the bytes of the packed file."""
    return lambda draft: draft.after.append(change)


def _large(draft: Draft) -> None:
    draft.members[f"{draft.code}model.bin"] = bytes(LARGE)
    draft.method = zipfile.ZIP_STORED


def _bomb(draft: Draft) -> None:
    draft.members[f"{draft.code}model.bin"] = bytes(BOMB)


def _no_license(draft: Draft) -> None:
    for name in [name for name in draft.members if name.endswith("LICENSE")]:
        del draft.members[name]


def _twice(draft: Draft) -> None:
    draft.repeated.append((f"{draft.code}__init__.py", b"x = 1\n"))


def _streamed(data: bytes) -> bytes:
    """Mark the first member as one whose size follows it."""
    return data[:6] + bytes([data[6] | 8]) + data[7:]


def _unlisted(data: bytes) -> bytes:
    """Add a member at the beginning that the central directory does not list."""
    name = b"evil.py"
    header = b"PK\x03\x04\x14" + bytes(21) + len(name).to_bytes(2, "little") + b"\0\0" + name
    return header + data


def _edited(place: int, new: bytes, mark: bytes = b"PK\x03\x04") -> Change:
    """Replace bytes after the first ``mark``, by default a member's own header."""

    def change(data: bytes) -> bytes:
        at = data.index(mark) + place
        return data[:at] + new + data[at + len(new) :]

    return in_wheels(_after(change))


def _also_a_zip(data: bytes) -> bytes:
    import io

    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("sample/__init__.py", "")
    return data + made.getvalue()


def _other_top(draft: Draft) -> None:
    draft.members["another/file.txt"] = b""


def _no_pkg_info(draft: Draft) -> None:
    draft.members[f"{draft.top}docs/PKG-INFO"] = draft.members.pop(draft.described)


def _long(draft: Draft) -> None:
    draft.file = draft.file.replace(
        "py3-none-any", "py3." + ".".join(f"py3{number}" for number in range(10, 47)) + "-none-any"
    )
    _tagged(draft.file.split("-", 2)[2].removesuffix(".whl"))(draft)


def _described_by(text: str, *, typed: bool = True) -> Change:
    """Replace the README by one in reStructuredText; ``typed`` tells whether the metadata names the format."""

    def fault(draft: Draft) -> None:
        draft.header("Description-Content-Type: text/x-rst")
        head = draft.metadata.partition("\n\n")[0]
        head = head if typed else re.sub(r"(?m)^Description-Content-Type: .*\n?", "", head).rstrip("\n")
        draft.metadata = f"{head}\n\n{text}"

    return fault


ENCRYPTED = b"__pyarmor" + b"_enter__(12345)\n"
LISTED = b"PK\x05\x06"
"""The first bytes of the record at the end of a zip file."""
SEALED = b"---BEGIN PYE " + b"FILE---\nabc\n---END PYE " + b"FILE---\n"
NAMED = "Start and end with a letter or numeral containing only ASCII numeric and '.', '_' and '-'."

ATTESTED = "Invalid attestations supplied during upload"
ZIP = "Invalid distribution file. ZIP archive not accepted"
WHEEL = "sample-1.2.3-py3-none-any.whl"

REFUSALS: tuple[Refusal, ...] = (
    # Before the content is checked
    Refusal("Read-only mode: Uploads are temporarily disabled.", "NS734", 403),
    Refusal("New uploads are temporarily disabled. See the help page.", "NS734", 403),
    Refusal("Invalid or non-existent authentication information. See the help page.", "NS721", 403, "preflight"),
    Refusal(
        "Username/Password authentication is no longer supported. Migrate to API Tokens or Trusted Publishers instead.",
        "NS721",
        403,
        "preflight",
    ),
    Refusal("API tokens are not valid for permission: upload!", "NS721", 403),
    Refusal("Invalid API Token: signatures do not match", "NS721", 403, "preflight"),
    Refusal("Invalid API Token: malformed macaroon", "NS721", 403, "preflight"),
    Refusal("Invalid API Token: token with user restriction without a user", "NS721", 403),
    Refusal("Invalid API Token: current user does not match user restriction in token", "NS721", 403),
    Refusal("Invalid API Token: current OIDC publisher does not match publisher restriction in token", "NS721", 403),
    Refusal("Invalid API Token: token is expired", "NS722", 403, "preflight"),
    Refusal("Invalid API Token: project-scoped token used outside of a project context", "NS726", 403, "preflight"),
    Refusal("Invalid API Token: project-scoped token is not valid for project: 'sample'", "NS724", 403, "preflight"),
    Refusal("Invalid API Token: OIDC scoped token used outside of a project context", "NS726", 403),
    Refusal("Invalid API Token: OIDC scoped token is not valid for project 'sample'", "NS726", 403),
    Refusal("summary: Should not be a tuple.", "NS728"),
    Refusal("Unknown protocol version.", "NS728"),
    Refusal("Upload payload does not have a file.", "NS728"),
    Refusal("Invalid value for filetype. Error: Use a known file type.", "NS728"),
    Refusal("Invalid value for sha256_digest. Error: Use a valid, hex-encoded, SHA256 message digest.", "NS728"),
    Refusal("Error: Include at least one message digest.", "NS728"),
    Refusal("Invalid value for pyversion. Error: Python version is required for binary distribution uploads.", "NS728"),
    Refusal("Invalid value for pyversion. Error: Use 'source' as Python version for an sdist.", "NS728"),
    # Core metadata
    built(
        f"'sample-' is an invalid value for Name. Error: {NAMED} See the specification.",
        "NS541",
        header("Name: sample-"),
        "NS512",
    ),
    built("'2.6' is not a valid metadata version. See the specification.", "NS531", header("Metadata-Version: 2.6")),
    built("'9.9' is not a valid metadata version. See the specification.", "NS531", header("Metadata-Version: 9.9")),
    built(
        "The use of local versions in '1.2.3+local' is not allowed. See the specification.",
        "NS532",
        _versioned(lambda version: f"{version}+local"),
        "NS511",
    ),
    built("'next' is invalid for 'version'. See the specification.", "NS541", header("Version: next"), "NS511"),
    built("'summary' must be a single line. See the specification.", "NS540", header("Summary: One\n       two")),
    built("'summary' field must be 512 characters or less. See it.", "NS540", header(f"Summary: {'long ' * 103}")),
    built(
        "'someone' is not a valid email address: An email address must have an @-sign. See the specification.",
        "NS538",
        header("Author-email: someone"),
    ),
    built(
        "'x@nowhere' is not a valid email address: The part after the @-sign is not valid. See the specification.",
        "NS538",
        header("Maintainer-email: A B <x@nowhere>"),
    ),
    built("'Nonsense :: None' is not a valid classifier. See it.", "NS533", header("Classifier: Nonsense :: None")),
    built(
        "'Private :: Do Not Upload' is not a valid classifier. See it.",
        "NS533",
        header("Classifier: Private :: Do Not Upload"),
    ),
    built(
        "The classifier 'License :: OSI Approved :: Intel Open Source License' has been deprecated. See it.",
        "NS533",
        header("Classifier: License :: OSI Approved :: Intel Open Source License"),
    ),
    built(
        "The classifier 'Natural Language :: Ukranian' has been deprecated, use one of"
        " ['Natural Language :: Ukrainian'] instead. See it.",
        "NS533",
        header("Classifier: Natural Language :: Ukranian"),
    ),
    built("'example' is not a valid url. See the specification.", "NS539", header("Home-page: example")),
    built("'ftp://example.org' is not a valid url. See it.", "NS539", header("Download-URL: ftp://example.org")),
    built("Must have a label. See the specification.", "NS539", header("Project-URL: , https://example.org")),
    built("Must have a URL. See the specification.", "NS539", header("Project-URL: Source,")),
    built(
        f"'{'Documentation ' * 3}' must be 32 characters or less. See the specification.",
        "NS539",
        header(f"Project-URL: {'Documentation ' * 3}, https://example.org"),
    ),
    built(
        "'git@example.org:a/b' is not a valid url. See the specification.",
        "NS539",
        header("Project-URL: Source, git@example.org:a/b"),
    ),
    built("'(' is invalid for 'requires-dist'. See the specification.", "NS537", header("Requires-Dist: (")),
    built("'what' is invalid for 'requires-python'. See it.", "NS537", header("Requires-Python: what")),
    built("'a b' is invalid for 'provides-extra'. See it.", "NS537", header("Provides-Extra: a b")),
    built("'a b' is invalid: Expected end. See the specification.", "NS537", header("Provides-Dist: a b")),
    built("'(' is invalid: Expected package name. See it.", "NS537", header("Obsoletes-Dist: (")),
    built(
        "Can't have direct dependency: other @ git+https://example.org/other. See the specification.",
        "NS536",
        header("Requires-Dist: other @ git+https://example.org/other"),
    ),
    built(
        "Can't have direct dependency: 'other @ https://example.org/o.whl'. See the specification.",
        "NS536",
        header("Provides-Dist: other @ https://example.org/o.whl"),
    ),
    built("'name' is not allowed as a dynamic field. See it.", "NS541", header("Dynamic: Name")),
    built("'what' is not a valid dynamic field. See it.", "NS541", header("Dynamic: What")),
    built("Dynamic field 'dynamic' is not a valid dynamic field. See it.", "NS541", header("Dynamic: Dynamic")),
    built(
        "License is deprecated when License-Expression is present. Only License-Expression should be present. See it.",
        "NS534",
        header("License: MIT"),
    ),
    built("'BSD' is invalid for 'license-expression'. See it.", "NS534", header("License-Expression: BSD")),
    built(
        "'../LICENSE' is invalid for 'license-file', parent directory indicators are not allowed. See it.",
        "NS534",
        header("License-File: ../LICENSE"),
    ),
    built(
        "'LICENSE*' is invalid for 'license-file', paths must be resolved. See it.",
        "NS534",
        header("License-File: LICENSE*"),
    ),
    built(
        "license-expression introduced in metadata version 2.4, not 2.1. See it.",
        "NS541",
        header("Metadata-Version: 2.1"),
    ),
    built(
        "'description-content-type' must be one of ['text/plain', 'text/x-rst', 'text/markdown'], not 'text/html'.",
        "NS541",
        header("Description-Content-Type: text/html"),
    ),
    built(
        "'description-content-type' can only specify the UTF-8 charset, not 'latin-1'. See it.",
        "NS541",
        header("Description-Content-Type: text/plain; charset=latin-1"),
    ),
    built(
        "'a-b' is invalid for 'import-name'; 'a-b' is not a valid identifier. See it.",
        "NS541",
        header("Metadata-Version: 2.5", "Import-Name: a-b"),
    ),
    built("'keywords' has invalid data. See it.", "NS541", header("Keywords: a", "Keywords: b")),
    Refusal("'name' is a required field. See the specification.", "NS541"),
    # The project, and who may upload to it
    Refusal(
        "Non-user identities cannot create new projects. This was probably caused by a pending publisher.", "NS726"
    ),
    Refusal("Too many new projects created", "NS734", 429),
    Refusal("New project registration temporarily disabled. See the help page.", "NS734", 403),
    Refusal("The name 'sample' is invalid.", "NS727", 400, "preflight"),
    Refusal("The name 'sample' conflicts with an existing project. See the help page.", "NS727", 409),
    Refusal("The name 'sample' isn't allowed. See the help page.", "NS727"),
    Refusal("The name 'sample' is too similar to an existing project. See the help page.", "NS727", 400, "preflight"),
    Refusal(
        "The name 'json' isn't allowed (conflict with Python Standard Library module name). See it.",
        "NS727",
        400,
        "preflight",
    ),
    Refusal("The user 'someone' isn't allowed to upload to project 'sample'. See the help page.", "NS724", 403),
    Refusal("The given token isn't allowed to upload to project 'sample'. See the help page.", "NS724", 403),
    Refusal(
        "User 'someone', associated with the API token used, does not have a verified primary email address.",
        "NS737",
        403,
    ),
    Refusal(
        "User 'someone', associated with the API token used, does not have two-factor authentication enabled.",
        "NS737",
        403,
    ),
    Refusal("You must enable two factor authentication to upload", "NS737", 403),
    Refusal("Organization account owning this project is inactive. This may be due to inactive billing.", "NS737"),
    built(
        "The description failed to render for 'text/x-rst'. See the help page for more information.",
        "NS729",
        _described_by("Title\n==\n\n.. code:: x\n   :nope: 1\n\n`a"),
        check="NS502",
    ),
    built(
        "The description failed to render in the default format of reStructuredText. See it.",
        "NS729",
        _described_by("Title\n==\n\n.. code:: x\n   :nope: 1\n\n`a", typed=False),
        check="NS502",
    ),
    # The file's name, size and uniqueness
    built(
        "Cannot upload a file with non-printable characters (ordinals 0-31) or the DEL character.",
        "NS512",
        in_wheels(_renamed("-py3", "\x7f-py3", inside=False)),
        "NS545",
    ),
    built(
        "Cannot upload a file with '/' or '\\' in the name.",
        "NS512",
        in_wheels(_renamed("-py3", r"\\-py3", inside=False)),
        "NS545",
    ),
    Refusal("Invalid file extension: Extension .zip is invalid for filetype bdist_wheel.", "NS512", 400, "build"),
    Refusal("Invalid file extension: Use .tar.gz, .whl or .zip extension.", "NS512", 400, "build"),
    Refusal("Invalid distribution file.", "NS503"),
    built(
        "File too large. Limit for project 'sample' is 100 MB. See it for more information.", "NS543", in_wheels(_large)
    ),
    Refusal("Request Entity Too Large", "NS543", 413),
    Refusal("Project size too large. Limit for project 'sample' total size is 10 GB. See it.", "NS736"),
    Refusal("The digest supplied does not match a digest calculated from the uploaded file.", "NS734"),
    Refusal(
        "File already exists ('sample-1.2.3.tar.gz', with blake2_256 hash 'abc'). See the help page.",
        "NS720",
        400,
        "preflight",
    ),
    Refusal(
        "This filename was previously used by a file that has since been deleted. Use a different version.", "NS720"
    ),
    Refusal("Uploading new files to releases older than 14 days is not allowed.", "NS772", 400, "preflight"),
    Refusal("Only one sdist may be uploaded per release.", "NS774", 400, "preflight"),
    # How the file is packed
    built("Invalid distribution file. File is both a zip and a tar file", "NS544", in_sdists(_after(_also_a_zip))),
    built(
        "Invalid distribution file. File is not a zipfile",
        "NS503",
        in_wheels(_after(lambda data: data[: len(data) // 2])),
    ),
    built("Invalid distribution file. File is not a tarfile", "NS503", in_sdists(_after(lambda _: b"no tar"))),
    built("Invalid distribution file. None", "NS503", in_sdists(_after(lambda data: data[: len(data) // 2]))),
    built("Invalid distribution file. File exceeds compression ratio of 50", "NS553", in_wheels(_bomb)),
    built(
        "Invalid distribution file. File does not use a supported compression type",
        "NS503",
        in_wheels(lambda draft: setattr(draft, "method", zipfile.ZIP_LZMA)),
    ),
    built(
        "Invalid distribution file. Incorrect number of top-level directories in sdist", "NS505", in_sdists(_other_top)
    ),
    built("Invalid distribution file. PKG-INFO not found at sample-1.2.3/PKG-INFO", "NS503", in_sdists(_no_pkg_info)),
    built(
        "Invalid distribution file. Unable to parse name and version from wheel filename",
        "NS512",
        in_wheels(_renamed("-.*", ".whl", inside=False)),
        "NS545",
    ),
    built(
        "Invalid distribution file. WHEEL not found at sample-1.2.3.dist-info/WHEEL",
        "NS545",
        in_wheels(_without("WHEEL")),
    ),
    built(
        "Invalid distribution file. PyArmor-encrypted content is not allowed.", "NS552", _holding("core.py", ENCRYPTED)
    ),
    built(
        "Invalid distribution file. SourceDefender-encrypted content is not allowed.",
        "NS552",
        _holding("core.pye", SEALED),
    ),
    built(
        "Invalid distribution file. tar archive not accepted: Sparse members are not allowed. See it.",
        "NS551",
        in_sdists(lambda draft: setattr(draft, "sparse", f"{draft.top}hole.bin")),
    ),
    built(f"{ZIP}: Trailing data. See it.", "NS544", in_wheels(_after(lambda data: data + b"\n"))),
    built(f"{ZIP}: Unknown record signature. See it.", "NS544", in_wheels(_after(lambda data: b"#!/bin/sh\n" + data))),
    built(f"{ZIP}: Filename not in central directory. See it.", "NS544", in_wheels(_after(_unlisted))),
    built(f"{ZIP}: ZIP contains a data descriptor. See it.", "NS544", in_wheels(_after(_streamed))),
    built(
        f"{ZIP}: Comment in central directory. See it.",
        "NS544",
        in_wheels(lambda draft: setattr(draft, "comment", b"x")),
    ),
    built(f"{ZIP}: Duplicate filename in local headers. See it.", "NS506", in_wheels(_twice)),
    built(f"{ZIP}: Invalid character in filename. See it.", "NS505", in_wheels(_holding("a\nb.py", b""))),
    built(f"{ZIP}: Malformed zip file. See it.", "NS544", _edited(8, b"\xfe\xff", LISTED)),
    built(f"{ZIP}: Mis-matched data size. See it.", "NS544", _edited(18, b"\xff")),
    built(f"{ZIP}: Missing filename in local headers. See it.", "NS544", _edited(30, b"z"), check="NS503"),
    built(f"{ZIP}: Mismatched central directory offset. See it.", "NS544", _edited(16, b"\x00", LISTED), check="NS503"),
    built(
        f"{ZIP}: ZIP64 extensible data not allowed. See it.",
        "NS544",
        in_wheels(_after(lambda data: as_zip64(data).replace(b"PK\x06\x06\x2c", b"PK\x06\x06\x2d"))),
    ),
    built(f"{ZIP}: Filename not unicode. See it.", "NS544", _edited(30, b"\xff"), check="NS503"),
    # The file's name, and the names in it
    built(
        "Invalid source distribution filename: sample-1.2.3-what.tar.gz",
        "NS512",
        in_sdists(_renamed(r"\.tar", "-what.tar", inside=False)),
    ),
    built("Start filename for 'sample' with 'sample'.", "NS512", in_sdists(_renamed("sample", "example"))),
    built(
        "Filename 'Sample-1.2.3.tar.gz' is invalid, should be 'sample-1.2.3.tar.gz'.",
        "NS512",
        in_sdists(_renamed("sample", "Sample")),
    ),
    built(
        "License-File LICENSE does not exist in distribution file sample-1.2.3.tar.gz at sample-1.2.3/LICENSE",
        "NS535",
        in_sdists(_no_license),
    ),
    built(
        f"License-File LICENSE does not exist in distribution file {WHEEL} at sample", "NS535", in_wheels(_no_license)
    ),
    built(
        "Invalid wheel filename (wrong number of parts): 'sample-1.2.3-py3-any.whl'",
        "NS512",
        in_wheels(_renamed("-none-any", "-any", inside=False)),
    ),
    built(
        "Invalid build number: x in 'sample-1.2.3-x-py3-none-any.whl'",
        "NS512",
        in_wheels(_renamed("-py3", "-x-py3", inside=False)),
    ),
    built(
        "Binary wheel 'sample-1.2.3-py3-none-linux_x86_64.whl' has an unsupported platform tag 'linux_x86_64'.",
        "NS549",
        in_wheels(_tagged("py3-none-linux_x86_64")),
    ),
    built(
        "Filename 'Sample-1.2.3-py3-none-any.whl' should contain the normalized project name 'sample', not 'Sample'.",
        "NS512",
        in_wheels(_renamed("sample", "Sample")),
    ),
    built("Version in filename should be '1.2.3' not '9.9'.", "NS511", in_wheels(_renamed(r"-\d+\.\d+\.\d+", "-9.9"))),
    built(
        f"Wheel '{WHEEL}' does not contain the required RECORD file: sample-1.2.3.dist-info/RECORD",
        "NS545",
        in_wheels(_without("RECORD")),
    ),
    built(
        f"Wheel '{WHEEL}' has invalid entry points defined in the entry_points.txt file",
        "NS550",
        in_wheels(_described("entry_points.txt", "[console_scripts]\n../sample = sample:main\n")),
    ),
    built(
        f"Wheel '{WHEEL}' does not contain the required METADATA file: sample-1.2.3.dist-info/METADATA",
        "NS545",
        in_wheels(lambda draft: draft.renamed("other-1.2.3.dist-info/")),
    ),
    built(f"Filename is too long: '{WHEEL}'", "NS542", in_wheels(_long)),
    # Attestations
    Refusal(f"{ATTESTED}: Attestations are only supported when using Trusted Publishing", "NS751"),
    Refusal(f"{ATTESTED}: Malformed attestations: an empty attestation set is not permitted", "NS751"),
    Refusal(f"{ATTESTED}: Could not verify the uploaded artifact using the included attestation", "NS751"),
    # Another address
    Refusal("Project pre-registration is no longer required or supported, upload your files instead.", "NS738", 410),
    Refusal("Uploading documentation is no longer supported.", "NS738", 410),
    Refusal(
        "An upload was attempted to /legacy but the expected upload URL is /legacy/ (with a trailing slash)",
        "NS738",
        308,
    ),
)
