"""The process in which one plugin does one piece of work: `python -m audit_core.child FOLDER`.

It finds in the folder the job and the question, and leaves there the answer or the kind of failure. It is given
nothing else: no key, no file of the user, no environment beyond what Python needs.
"""

import json
import os
import sys
import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from audit_core import exchange, exchanged_answers
from audit_core.answers import Answer, Continuations, Guesses, Links, Predicates, Scores
from audit_core.doctor.contract import LOOP
from audit_core.doctor.findings import PROBES, Probe
from audit_core.evidence import InvalidEvidence
from audit_core.guarantee import Guarantee
from audit_core.language.training import Unfit
from audit_core.leaving import leave_after
from audit_core.loading import load
from audit_core.measurement import Measurement, Reason
from audit_core.questions import Continuation, HiddenValue, Linkage, Membership, Question, SinglingOut
from audit_core.refit import Budget, fitted

_ANSWER_TO: dict[type[Question], type[Answer]] = {
    Membership: Scores,
    HiddenValue: Guesses,
    Linkage: Links,
    SinglingOut: Predicates,
    Continuation: Continuations,
}


def main(folder: Path) -> int:
    """Does the job; 0 if there is an answer, 1 if the plugin raised."""
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    try:
        job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
        kind = load(job["load"], job["file"])
        rng = np.random.default_rng(np.random.SeedSequence(job["entropy"]))
        if job["role"] == "generator":
            _generate(kind, job["params"], folder, rng)
        elif job["role"] == "training":
            _train(kind(**job["params"]), folder, rng)
        elif job["role"] == "scoring":
            _score(folder)
        elif job["role"] == "doctor":
            _examine(kind, job, folder)
        elif job["role"] == "attack":
            _answer(kind(**job["params"]), folder, rng)
        else:
            _measure(kind(**job["params"]), folder, rng)
    except BaseException as error:
        _keep_spent(folder, error)
        (folder / "error.json").write_text(json.dumps(_failure(error)), encoding="utf-8")
        if job_is_debugged(folder):
            traceback.print_exc()
        return 1
    return 0


def job_is_debugged(folder: Path) -> bool:
    """Whether the user asked to see what the plugin prints, tracebacks included."""
    return (folder / "debug").exists()


def _generate(kind: Any, params: dict[str, Any], folder: Path, rng: np.random.Generator) -> None:
    """Fits, or loads what was fitted, and makes rows; keeps the claim, and the generator where it can be kept."""
    table, schema, rows, told = exchange.read_commission(folder)
    fitting, sampling = rng.spawn(2)
    if told.load is not None:
        its = kind.load(told.load)
    else:
        report = exchange.reporting(folder)
        budget = Budget(rng=fitting, report=report, workshop=told.workshop, folder=told.recipe)
        its = fitted(kind(**params), table, schema, budget)
    exchange.write_table(folder, "made", its.sample(rows, sampling))
    exchange.write_guarantee(folder, its.guarantee)
    if told.load is None and hasattr(its, "save"):
        its.save(folder / exchange.MODEL)


def _train(backend: Any, folder: Path, rng: np.random.Generator) -> None:
    """Fine-tunes a model; keeps it, and the claim."""
    task, told = exchange.read_task(folder)
    report = exchange.reporting(folder)
    trained = backend.train(task, Budget(rng=rng, report=report, workshop=told.workshop, folder=told.recipe))
    exchange.write_guarantee(folder, trained.guarantee)
    trained.save(folder / exchange.MODEL)
    exchange.write_guarantee(folder / exchange.MODEL, trained.guarantee)  # the model carries its ledger


def _examine(kind: Any, job: dict[str, Any], folder: Path) -> None:
    """Probes a private training loop; or says what its class lacks to be examined."""
    if lacking := [name for name in LOOP if not callable(getattr(kind, name, None))]:
        exchange.write_examination(folder, (), lacking)
        return
    from audit_core.doctor.probes import probes

    def again() -> Any:
        # A file is run anew, as in a new process: a seed at its top would be set again.
        loop = (kind if job["file"] is None else load(job["load"], job["file"]))(**job["params"])
        return loop.examined() if hasattr(loop, "examined") else loop

    report, found = exchange.reporting(folder), list[Probe]()
    failed = traceback.print_exc if job_is_debugged(folder) else _unsaid
    for probe in probes(again(), again=again, failed=failed):
        found.append(probe)
        report({"step": len(found), "steps": len(PROBES)})
    exchange.write_examination(folder, found, [])


def _unsaid() -> None:
    """What was raised may quote what it met."""


def _score(folder: Path) -> None:
    """One pass under the model, and one under what it was fine-tuned from, where somebody has that."""
    texts, access = exchange.read_texts_to_score(folder)
    model = access.open()
    exchange.write_scores(folder, "model", model.token_scores(texts))
    tokens = model.tokens(texts)
    exchange.write_prompt_tokens(folder, [prompt for prompt, _ in tokens])
    base = model.base()
    if base is not None:
        exchange.write_scores(folder, "base", base.token_scores(texts))


def _keep_spent(folder: Path, error: BaseException) -> None:
    """What a training that failed had spent: it stays spent."""
    claim = getattr(error, "guarantee", None)
    if isinstance(claim, Guarantee):
        exchange.write_guarantee(folder, claim)


def _answer(plugin: Any, folder: Path, rng: np.random.Generator) -> None:
    question = exchange.read_question(folder)
    answer = plugin.answer(question, rng)
    said = answer if isinstance(answer, tuple) else (answer,)
    answers = tuple(item for item in said if isinstance(item, _ANSWER_TO[type(question)]))
    exchanged_answers.write_answers(folder, answers)
    _write_ignored(folder, len(said) - len(answers))


def _measure(plugin: Any, folder: Path, rng: np.random.Generator) -> None:
    from pydantic import TypeAdapter

    from audit_core.measurement import ByQuantile, Histogram, RocCurve

    said = list(plugin.measure(exchange.read_case(folder), rng))
    known = Measurement | RocCurve | Histogram | ByQuantile | Reason
    results = [item for item in said if isinstance(item, known)]
    measured: dict[str, list[Any]] = {"measurements": [], "details": [], "caveats": []}
    for item in results:
        room = {Measurement: "measurements", Reason: "caveats"}.get(type(item), "details")
        measured[room].append(TypeAdapter(type(item)).dump_python(item, mode="json"))
    (folder / "measured.json").write_text(json.dumps(measured), encoding="utf-8")
    _write_ignored(folder, len(said) - len(results))


def _write_ignored(folder: Path, count: int) -> None:
    """How many things a plugin said that are no answer, a verdict of its own for example."""
    (folder / "ignored.json").write_text(json.dumps(count), encoding="utf-8")


def _failure(error: BaseException) -> dict[str, str]:
    """The kind and the place of an error, without its message, which may quote a record; evidence's never does.

    That a model cannot be trained or opened is told by a code, which quotes nothing either.
    """
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    told = {"type": type(error).__name__, "place": place}
    if isinstance(error, Unfit):
        return told | {"unfit": error.problems[0].code}
    return told | {"evidence": str(error)} if isinstance(error, InvalidEvidence) else told


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    import psutil

    for one in psutil.Process().children(recursive=True):  # nobody else would end what it started
        with suppress(psutil.Error):
            one.kill()
    os._exit(1)


if __name__ == "__main__":
    leave_after(lambda: sys.exit(main(Path(sys.argv[1]))))
