"""Is a stored pack what a run wrote? Digests, figures, judgement and views are all made again and compared."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from audit_core import __version__, pack
from audit_core.errors import AuditError, PackError, Problem
from audit_core.judge import judge
from audit_core.measurement import measured
from audit_core.plugin import RendererPlugin
from audit_core.policy import load_policy
from audit_core.scorecard import Scorecard


def verify(folder: Path, renderers: Mapping[str, RendererPlugin]) -> tuple[Problem, ...]:
    """Everything in a pack that is not as its evidence makes it; empty for a pack that stands.

    Raises:
        PackError: There is no scorecard to read.
    """
    if not folder.is_dir():
        what, fix = "a pack is a folder, and this is none", "Name the folder a run wrote with --out"
        raise PackError(Problem(code="pack-missing", what=what, where=folder.name, fix=fix))
    scorecard = pack.read_scorecard(folder)
    return (
        *_files(folder),
        *_figures(scorecard),
        *_judgement(folder, scorecard),
        *_views(folder, scorecard, renderers),
    )


def _files(folder: Path) -> Iterator[Problem]:
    """Every byte, against the list of digests; that list itself against what it would be."""
    names = sorted(path.name for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    files = {name: (folder / name).read_bytes() for name in names} | pack.made_before(folder)
    listed = files.get(pack.MANIFEST)
    if listed is None:
        yield _problem("pack-no-manifest", "there is no list of digests", pack.MANIFEST)
    elif listed != pack.manifest(files):
        changed = [name for name in files if name != pack.MANIFEST and not _listed(listed, name, files[name])]
        for name in changed or [pack.MANIFEST]:
            yield _problem("pack-file-changed", "the file is not what the run wrote", name)
        if not changed:
            return
    if files[pack.SCORECARD] != Scorecard.from_json(files[pack.SCORECARD]).to_json():
        yield _problem("pack-file-changed", "the scorecard is not in the form a run writes", pack.SCORECARD)


def _listed(listed: bytes, name: str, data: bytes) -> bool:
    return f'"{name}": "{pack.digest(data)}"'.encode() in listed


def _figures(scorecard: Scorecard) -> Iterator[Problem]:
    """Every value, n and interval, against its evidence."""
    for owner, measurements in (
        *((finding.attack, finding.measurements) for finding in scorecard.findings),
        *((control.name, control.measurements) for control in scorecard.controls),
    ):
        for one in measurements:
            again = measured(one.name, one.evidence, of=one.of, blind=one.blind, confidence=scorecard.policy.confidence)
            if again != one:
                place = f"{owner}/{one.name}"
                yield _problem("pack-figure-changed", "a figure does not follow from its evidence", place)


def _judgement(folder: Path, scorecard: Scorecard) -> Iterator[Problem]:
    """Every verdict, against the stored evidence and the stored policy."""
    try:
        policy = load_policy(str(folder / pack.POLICY))
    except AuditError as error:
        yield from (replace(problem, where=pack.POLICY) for problem in error.problems)
        return
    if policy.digest != scorecard.policy.digest:
        yield _problem("pack-policy-changed", "the stored policy is not the one on the scorecard", pack.POLICY)
    again = judge(policy, scorecard.findings, scorecard.facts, controls=scorecard.controls)
    if (again.judgements, again.verdict, again.reasons, again.missing, again.controls) != (
        scorecard.judgements,
        scorecard.verdict,
        scorecard.reasons,
        scorecard.missing,
        scorecard.controls,
    ):
        yield _problem("pack-judgement-changed", "the verdicts do not follow from evidence and policy", pack.SCORECARD)


def _views(folder: Path, scorecard: Scorecard, renderers: Mapping[str, RendererPlugin]) -> Iterator[Problem]:
    """Every view, against what the scorecard renders to; another version of sekisho may word it differently."""
    if scorecard.provenance.sekisho != __version__:
        return
    for name, data in pack.views(scorecard, renderers).items():
        path = folder / name
        if not path.is_file():
            yield _problem("pack-file-missing", "a view is missing", name)
        elif path.read_bytes() != data:
            yield _problem("pack-view-changed", "the view does not show the stored scorecard", name)


def _problem(code: str, what: str, where: str) -> Problem:
    return Problem(code=code, what=what, where=where, fix="Do not rely on this pack; run the audit again")
