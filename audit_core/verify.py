"""Is a stored pack what a run wrote? Digests, figures, judgement and views are all made again and compared."""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from audit_core import __version__, pack
from audit_core.calibration import Calibration
from audit_core.detection import derived
from audit_core.errors import AuditError, PackError, Problem
from audit_core.judge import judge
from audit_core.measurement import Measurement, measured
from audit_core.plugin import RendererPlugin
from audit_core.policy import Policy, load_policy
from audit_core.scorecard import Finding, Scorecard
from audit_core.study import Study, run_of


def verify(folder: Path, renderers: Mapping[str, RendererPlugin]) -> tuple[Problem, ...]:
    """Everything in a pack that is not as its evidence makes it; empty for a pack that stands.

    Raises:
        PackError: There is no scorecard or calibration to read.
    """
    if not folder.is_dir():
        what, fix = "a pack is a folder, and this is none", "Name the folder a run wrote with --out"
        raise PackError(Problem(code="pack-missing", what=what, where=folder.name, fix=fix))
    document = pack.read_document(folder)
    match document:
        case Scorecard():
            decided = _judgement(folder, document)
        case Calibration():
            decided = _derivation(folder, document)
        case Study():
            decided = _gathering(folder, document)
    return (
        *_files(folder, document),
        *_figures(document),
        *decided,
        *_views(folder, document, renderers),
    )


def _files(folder: Path, document: pack.Document) -> Iterator[Problem]:
    """Every byte, against the list of digests; that list itself against what it would be."""
    names = sorted(path.name for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    digests = {name: pack.digest((folder / name).read_bytes()) for name in names} | pack.made_before(folder)
    listed = (folder / pack.MANIFEST).read_bytes() if pack.MANIFEST in digests else None
    if listed is None:
        yield _problem("pack-no-manifest", "there is no list of digests", pack.MANIFEST)
    elif listed != pack.manifest(digests):
        changed = [name for name in digests if name != pack.MANIFEST and not _listed(listed, name, digests[name])]
        for name in changed or [pack.MANIFEST]:
            yield _problem("pack-file-changed", "the file is not what the run wrote", name)
        if not changed:
            return
    main = pack.file_of(document)
    if (folder / main).read_bytes() != document.to_json():
        yield _problem("pack-file-changed", f"the {pack.kind_of(document)} is not in the form a run writes", main)


def _listed(listed: bytes, name: str, digest: str) -> bool:
    return f'"{name}": "{digest}"'.encode() in listed


def _figures(document: pack.Document) -> Iterator[Problem]:
    """Every value, n and interval, against its evidence."""
    findings: tuple[Finding, ...] = () if isinstance(document, Study) else document.findings
    others: list[tuple[str, tuple[Measurement, ...]]]
    if isinstance(document, Study):
        runs = [run for variant in document.variants for run in variant.runs]
        others = [(one.attack, (one.measurement,)) for run in runs for one in run.compared]
    elif isinstance(document, Scorecard):
        others = [(control.name, control.measurements) for control in document.controls]
        others += [(finding.attack, finding.measurements) for finding in document.usefulness]
    else:
        others = [(trial.attack, trial.measurements) for trial in document.trials]
    for owner, measurements in (*((one.attack, one.measurements) for one in findings), *others):
        for one in measurements:
            again = measured(one.name, one.evidence, of=one.of, blind=one.blind, confidence=document.policy.confidence)
            if again != one:
                place = f"{owner}/{one.name}"
                yield _problem("pack-figure-changed", "a figure does not follow from its evidence", place)


def _judgement(folder: Path, scorecard: Scorecard) -> Iterator[Problem]:
    """Every verdict, against the stored evidence and the stored policy."""
    policy = yield from _policy(folder, scorecard)
    if policy is None:
        return
    again = judge(policy, scorecard.findings + scorecard.usefulness, scorecard.facts, controls=scorecard.controls)
    if (again.judgements, again.verdict, again.reasons, again.missing, again.controls) != (
        scorecard.judgements,
        scorecard.verdict,
        scorecard.reasons,
        scorecard.missing,
        scorecard.controls,
    ):
        yield _problem("pack-judgement-changed", "the verdicts do not follow from evidence and policy", pack.SCORECARD)


def _derivation(folder: Path, calibration: Calibration) -> Iterator[Problem]:
    """What was found and missed, against the stored evidence and the stored policy."""
    policy = yield from _policy(folder, calibration)
    if policy is not None and derived(calibration, policy) != calibration:
        what = "what was found does not follow from evidence and policy"
        yield _problem("pack-judgement-changed", what, pack.CALIBRATION)


def _gathering(folder: Path, study: Study) -> Iterator[Problem]:
    """What is said of each run, against its own scorecard."""
    for variant in study.variants:
        for run in variant.runs:
            path = folder / run.folder / pack.SCORECARD
            try:
                data = path.read_bytes()
                again = run_of(run.seed, run.folder, Scorecard.from_json(data), pack.digest(data))
            except (OSError, PackError):
                yield _problem("pack-file-missing", "a run's scorecard is missing or cannot be read", run.folder)
                continue
            if again != run:
                what = "what is said of a run does not follow from its scorecard"
                yield _problem("pack-judgement-changed", what, run.folder)


def _policy(folder: Path, document: pack.Document) -> Generator[Problem, None, Policy | None]:
    """The stored policy; None where it cannot be read."""
    try:
        policy = load_policy(str(folder / pack.POLICY))
    except AuditError as error:
        yield from (replace(problem, where=pack.POLICY) for problem in error.problems)
        return None
    if policy.digest != document.policy.digest:
        what = f"the stored policy is not the one on the {pack.kind_of(document)}"
        yield _problem("pack-policy-changed", what, pack.POLICY)
    return policy


def _views(folder: Path, document: pack.Document, renderers: Mapping[str, RendererPlugin]) -> Iterator[Problem]:
    """Every view, against what the document renders to; another version of sekisho may word it differently."""
    if document.provenance.sekisho != __version__:
        return
    try:
        views = pack.views(document, renderers)
    except AuditError as error:  # an altered document need not make sense to a renderer
        yield from error.problems
        return
    for name, data in views.items():
        path = folder / name
        if not path.is_file():
            yield _problem("pack-file-missing", "a view is missing", name)
        elif path.read_bytes() != data:
            yield _problem("pack-view-changed", "the view does not show the stored document", name)


def _problem(code: str, what: str, where: str) -> Problem:
    return Problem(code=code, what=what, where=where, fix="Do not rely on this pack; run it again")
