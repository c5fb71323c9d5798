"""Replaces `python -m pypi_attestations sign FILE` when Sigstore cannot be reached.

The identity comes from the job's endpoint, and the statement and attestation from the library; the certificate, the
signature and the log entry are made here, with a new key.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import id as identities
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pypi_attestations import Attestation, AttestationType, Distribution, Envelope, VerificationMaterial
from sigstore.errors import VerificationError

ISSUER = "https://token.actions.githubusercontent.com"
FULCIO = "1.3.6.1.4.1.57264.1."
"""The prefix of Fulcio's object IDs: https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md."""


def pre_authentication(statement: bytes) -> bytes:
    """Return the bytes to sign for a statement: https://github.com/secure-systems-lab/dsse/blob/master/protocol.md."""
    kind = b"application/vnd.in-toto+json"
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(statement), statement)


def certificate(key: ec.EllipticCurvePrivateKey, claims: dict[str, str]) -> x509.Certificate:
    """Return a certificate for the identity in ``claims``, like those of Fulcio."""
    repository = f"https://github.com/{claims['repository']}"
    told = {
        "8": ISSUER,
        "12": repository,
        **({"13": claims["sha"]} if "sha" in claims else {}),
        "14": claims["ref"],
        "18": f"https://github.com/{claims['job_workflow_ref']}",
    }
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "local")])
    now = dt.datetime.now(tz=dt.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + dt.timedelta(minutes=10))
    for number, value in told.items():
        text = value.encode()
        der = b"\x0c" + (bytes([len(text)]) if len(text) < 128 else b"\x81" + bytes([len(text)])) + text
        oid = x509.ObjectIdentifier(f"{FULCIO}{number}")
        builder = builder.add_extension(x509.UnrecognizedExtension(oid, der), critical=False)
    return builder.sign(key, hashes.SHA256())


def log_entry() -> Any:
    """Return an entry of a transparency log with the right form but no real content."""
    digest = base64.b64encode(hashlib.sha256(b"log").digest()).decode()
    proof = {"logIndex": "0", "rootHash": digest, "treeSize": "1", "hashes": [], "checkpoint": {"envelope": "x"}}
    return {
        "logIndex": "0",
        "logId": {"keyId": digest},
        "kindVersion": {"kind": "dsse", "version": "0.0.1"},
        "integratedTime": "1",
        "inclusionPromise": {"signedEntryTimestamp": digest},
        "inclusionProof": proof,
        "canonicalizedBody": base64.b64encode(b"{}").decode(),
    }


def attested(file: Path, claims: dict[str, str]) -> Attestation:
    """Return an attestation of ``file`` by a job with these claims."""
    dist = Distribution.from_file(file)
    statement = json.dumps(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": dist.name, "digest": {"sha256": dist.digest}}],
            "predicateType": AttestationType.PYPI_PUBLISH_V1.value,
            "predicate": None,
        }
    ).encode()
    key = ec.generate_private_key(ec.SECP256R1())
    signature = key.sign(pre_authentication(statement), ec.ECDSA(hashes.SHA256()))
    der = certificate(key, claims).public_bytes(serialization.Encoding.DER)
    return Attestation(
        version=1,
        verification_material=VerificationMaterial(
            certificate=base64.b64encode(der), transparency_entries=[log_entry()]
        ),
        envelope=Envelope(statement=base64.b64encode(statement), signature=base64.b64encode(signature)),
    )


def provenance(file: Path, *jobs: dict[str, str]) -> bytes:
    """Return the provenance of ``file`` as an index serves it, with one attestation by each job."""
    publisher = {"kind": "GitHub", "repository": "told/by-the-index", "workflow": "x.yml"}
    attestations = [json.loads(attested(file, claims).model_dump_json()) for claims in jobs]
    bundle = {"publisher": publisher, "attestations": attestations}
    return json.dumps({"version": 1, "attestation_bundles": [bundle]}).encode()


class LocalVerifier:
    """Verifies what is signed here: the certificate's identity, and the signature with its key."""

    @classmethod
    def production(cls, **_: object) -> LocalVerifier:
        """Replace the constructor of Sigstore's verifier."""
        return cls()

    def verify_dsse(self, bundle: Any, policy: Any) -> tuple[str, bytes]:
        """Return the type and payload of a bundle if its signature and identity are right."""
        policy.verify(bundle.signing_certificate)
        envelope = bundle._inner.dsse_envelope
        try:
            bundle.signing_certificate.public_key().verify(
                envelope.signatures[0].sig, pre_authentication(envelope.payload), ec.ECDSA(hashes.SHA256())
            )
        except InvalidSignature as error:
            raise VerificationError("another key") from error
        return envelope.payload_type, envelope.payload


def main(file: Path) -> None:
    """Sign ``file`` and write the attestation next to it."""
    identity = identities.detect_credential("sigstore")
    if identity is None:
        sys.exit("no identity")
    attestation = attested(file, json.loads(identities.decode_oidc_token(identity)[1]))
    file.with_name(f"{file.name}.publish.attestation").write_text(attestation.model_dump_json(), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[-1]))
