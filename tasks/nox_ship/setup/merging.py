"""What release.yml says depending on how a release reaches its branch: by a push, or by a merged pull request."""

from __future__ import annotations

from nox_ship.config import Delivery

_ABOUT_MERGING = """
# A release that is cut is proposed by a pull request@WHEN@.
# Once that is merged, the merged commit is tagged, and the proposed files are published. If its tree is another one,
# or they are gone, it is built and tested first."""
_OF_MERGING = (
    "ABOUT_MERGING",
    "NEEDS_MERGED",
    "NEEDS_PROVEN",
    "UNLESS_FAILED",
    "TOLD_MERGED",
    "CUT_MERGED",
    "IF_WANTED",
    "IF_LOCK",
    "IF_PUSH",
    "PUSH_ID",
    "PUSH_OUTPUTS",
    "LOOK_AT_PULLS",
    "PUSH_MERGED",
    "IF_REHEARSED",
    "OF_MERGED",
    "MANIFEST_OF_MERGED",
    "HEAD_OF_MERGED",
    "PROVEN_BY_MERGE",
    "IF_PROVEN",
    "EVEN_WITHOUT",
    "TREE_OF_MERGED",
    "IF_RECEIVED",
)
"""Places of the template that are empty where a release that is cut is pushed."""
_BY_HAND = "github.event_name == 'workflow_dispatch' && inputs.bump && !inputs.dry_run"
"""The condition that somebody wants a release to be cut."""


def values_of(delivery: Delivery, before: list[str], *, files: str, development: bool) -> dict[str, str]:
    """Return what depends on how a release that is cut reaches its branch: by a push, or by a merged pull request.

    Args:
        delivery: The setting.
        before: The jobs that a release has to pass before it is delivered; first those that prove nothing.
        files: The job that has the files of a release.
        development: Whether each push to the branch is built as a development version.
    """
    return dict.fromkeys(_OF_MERGING, "") | {
        "RELEASE_OF": "github.ref",
        "IF_CUT": _BY_HAND,
        "IF_SWITCH": "inputs.bump",
        "BEFORE_BUILD": "cut",
        "BEFORE_PUSH": ", ".join(before),
        "TARGET": "inputs.target",
        "IF_OTHER_RUN": "inputs.run",
        "PROVEN_WHAT": "tag",
        "RECEIVE_AS": '--tag="$GITHUB_REF_NAME"',
        "IF_SBOM": "steps.proven.outputs.sbom",
        **({} if delivery == "push" else _proposals(delivery, before, files, development=development)),
    }


def _proposals(delivery: Delivery, before: list[str], files: str, *, development: bool) -> dict[str, str]:
    """Return what a workflow has in other places if a release may be proposed.

    By default, a job is skipped if any job before it was skipped. So jobs after the ones that look whether a release
    was merged state their conditions in full.
    """
    merged, has_proof = "needs.merged.outputs.tag", "needs.proven.outputs.manifest"
    asked, goes_on = (
        "github.event_name == 'workflow_dispatch' || github.ref_type == 'tag'",
        "!failure() && !cancelled()",
    )
    wanted, needed = f"({asked} || {merged} && !{has_proof})", f"{goes_on} && ({asked} || {merged})"
    if development:
        wanted, needed = f"!({merged} && {has_proof})", goes_on
    decides = delivery == "auto"
    delivers = f"(inputs.bump || {merged})" if decides else merged
    first, proofs = all_passed(before[:2]), all_passed(before[2:])
    return {
        "ABOUT_MERGING": _ABOUT_MERGING.replace("@WHEN@", " if the branch is protected" if decides else ""),
        "RELEASE_OF": "github.event_name == 'push' && github.ref_type == 'branch' && github.sha || github.ref",
        "NEEDS_MERGED": "needs: merged",
        "NEEDS_PROVEN": "needs: [merged, proven]",
        "UNLESS_FAILED": f"{goes_on} && ",
        "IF_LOCK": f"needs: merged\nif: ${{{{ {needed} }}}}",
        "IF_CUT": f"${{{{ {goes_on} && ({_BY_HAND} || {merged}) }}}}",
        "TOLD_MERGED": f"MERGED: ${{{{ {merged} }}}}",
        "CUT_MERGED": '--merged="$MERGED" ',
        "IF_WANTED": f" && {wanted}",
        "IF_SWITCH": "needs.cut.result == 'success'",
        "BEFORE_BUILD": "[cut, merged, proven]",
        "IF_REHEARSED": f"if: ${{{{ {goes_on} && {all_passed(['cut', files])} }}}}",
        "BEFORE_PUSH": ", ".join([*before, "merged", "proven"]),
        "IF_PUSH": f"if: >-\n  ${{{{ {goes_on} && {delivers} && {first}\n  && ({has_proof} || ({proofs})) }}}}",
        "LOOK_AT_PULLS": "pull-requests: read # to look at the pull request that brought the release",
        "PUSH_ID": "id: push" if decides else "",
        "PUSH_OUTPUTS": "outputs:\n  propose: ${{ steps.push.outputs.propose }}" if decides else "",
        "PUSH_MERGED": ' --merged="$MERGED"' + (" --auto" if decides else ""),
        "TARGET": "inputs.target || 'route'",
        "OF_MERGED": "needs.proven.outputs.files || ",
        "MANIFEST_OF_MERGED": f"{has_proof} || ",
        "BEFORE_PROPOSAL": ", ".join([*before, "push"] if decides else before),
        "IF_PROPOSED": "needs.push.outputs.propose" if decides else "inputs.bump",
        "ALL_PASSED": f"{first} && {proofs}",
        "IF_OTHER_RUN": f"(inputs.run || {merged})",
        "PROVEN_WHAT": "release",
        "HEAD_OF_MERGED": "HEAD: ${{ needs.merged.outputs.head }}",
        "PROVEN_BY_MERGE": '--merged="$HEAD" ',
        "IF_PROVEN": "if: steps.proven.outputs.files",
        "EVEN_WITHOUT": "continue-on-error: ${{ !inputs.run }} # without them, the merged commit is built and tested",
        "TREE_OF_MERGED": f"TAG: ${{{{ {merged} || github.ref_name }}}}\nTREE: ${{{{ steps.proven.outputs.tree }}}}",
        "RECEIVE_AS": '--tag="$TAG" --tree="$TREE"',
        "IF_RECEIVED": "if: steps.receive.outputs.manifest",
        "IF_SBOM": "steps.receive.outputs.manifest && steps.proven.outputs.sbom",
    }


def all_passed(jobs: list[str]) -> str:
    """Return the condition that these jobs passed."""
    return " && ".join(f"needs.{job}.result == 'success'" for job in jobs)
