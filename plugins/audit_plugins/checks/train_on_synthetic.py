"""Train on synthetic, test on real: does a model that was trained on the release do on real people what it should?"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit_core.case import Case
from audit_core.measurement import Measurement, Reason, measured
from audit_core.tables import MISSING, Ids, Table
from audit_core.targets import target_of
from audit_plugins.checks.classifiers import MODELS, Model, probabilities
from audit_plugins.checks.over_seeds import Floats, auc_parts, f1_parts, over_seeds

MOST_CELLS = 400_000
"""Cells to train on, for a hundred trees: 26,000 rows of 15 columns. More takes longer than it tells."""

FEWEST_RARE = 10
"""Rows of the rarer class to test on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """Rows with a known target: the other columns, and the class of each row.

    Attributes:
        persons: Whose row each is, shape `(n_rows,)`; None where each is somebody's only one.
    """

    others: Table
    labels: NDArray[np.intp]
    persons: Ids | None = None

    def take(self, rows: NDArray[np.intp]) -> "Arm":
        persons = None if self.persons is None else self.persons[rows]
        return Arm(others=self.others.take(rows), labels=self.labels[rows], persons=persons)


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """How models of one kind did, one for each seed.

    Attributes:
        values: Shape `(n_seeds,)`.
        influence: Averaged over seeds, shape `(n_test,)`.
    """

    values: Floats
    influence: Floats

    def over(self, other: "Performance") -> "Performance":
        """The share of another performance on the same rows, seed by seed."""
        share = float(self.values.mean() / other.values.mean())
        influence = (self.influence - share * other.influence) / float(other.values.mean())
        return Performance(values=self.values / other.values.mean(), influence=influence)


class TrainOnSynthetic:
    """Predicts a target column for non-members by models trained on the release, and by models trained on the members.

    Measurements, each of `gradient-boosting` and of `logistic-regression`; HIGHER = MORE USEFUL:
        tstr_f1, trtr_f1: F1 at a probability of 0.5, trained on the release and on the members. Of two classes it is
            F1 of the rarer one; of more, the plain mean over the classes that non-members have (macro F1).
        tstr_auc, trtr_auc: Area under the ROC curve; of more than two classes the mean of each against the rest.
        tstr_f1_share, tstr_auc_share: What is trained on the release as a share of what is trained on the members.

    The blind level is what a model scores that gives everybody the commonest class. All are `Mean`s over seeds, with
    the seeds and the non-members in the interval; each seed trains on another nine tenths of the rows.

    References:
        Esteban, Hyland & Rätsch (2017), Real-valued (medical) time series generation with recurrent conditional GANs,
        section 4.2 (TSTR).
    """

    def __init__(self, *, target: str | None, seeds: int) -> None:
        """Takes the column to predict, if the recipe names one, and how many seeds to average over."""
        self._target, self._seeds = target, seeds

    def measure(self, case: Case, rng: np.random.Generator) -> Iterator[Measurement | Reason]:
        """Measures the case; `rng` draws rows and seeds the models."""
        target = target_of(case, self._target)
        if case.non_members is None or isinstance(target, Reason):
            return
        tables = {"released": case.release, "members": case.members, "non_members": case.non_members}
        arms = {name: _arm(table, target) for name, table in tables.items()}
        if any(len(arm.labels) < len(tables[name]) for name, arm in arms.items()):
            yield Reason(code="target-missing", args={"column": target})
        classes = len(case.release.columns[case.release.index(target)].values)
        if case.non_member_subjects is not None:
            known = case.non_members.codes[:, case.non_members.index(target)] != MISSING
            whole = arms["non_members"]
            arms["non_members"] = Arm(others=whole.others, labels=whole.labels, persons=case.non_member_subjects[known])
        there = len(np.unique(arms["members"].labels))
        trees = 100 if there <= 2 else 200
        most = max(1_000, MOST_CELLS * 100 // trees // len(case.release.columns))
        for name, arm in arms.items():
            if len(arm.labels) > most:
                arms[name] = arm.take(np.sort(rng.choice(len(arm.labels), most, replace=False)))
                yield Reason(code="usefulness-sampled", args={"facts": name, "rows": most})
        test = arms["non_members"]
        times = np.bincount(test.labels, minlength=classes)
        tested = np.flatnonzero(times)
        trainable = all(len(np.unique(arms[name].labels)) > 0 for name in ("released", "members"))
        if len(tested) < 2 or times[tested].min() < (FEWEST_RARE if len(tested) == 2 else 1) or not trainable:
            yield Reason(code="usefulness-too-few", args={})
            return
        floor_f1, floor_auc = _floor(arms["members"].labels, test.labels, classes)
        for model in MODELS:
            synthetic = self._performance(model, arms["released"], test, classes, rng, trees)
            real = self._performance(model, arms["members"], test, classes, rng, trees)
            for name, ours, theirs, floor in (
                ("f1", synthetic[0], real[0], floor_f1),
                ("auc", synthetic[1], real[1], floor_auc),
            ):
                yield _measured(f"tstr_{name}", model, ours, test, floor)
                yield _measured(f"trtr_{name}", model, theirs, test, floor)
                if theirs.values.mean() > 0:
                    share = floor / float(theirs.values.mean())
                    yield _measured(f"tstr_{name}_share", model, ours.over(theirs), test, share)
        yield Reason(code="usefulness-interval", args={})

    def _performance(
        self, model: Model, train: Arm, test: Arm, classes: int, rng: np.random.Generator, trees: int
    ) -> tuple[Performance, Performance]:
        """F1 and AUC of models of one kind, on the same rows for every seed."""
        values = np.empty((2, self._seeds))
        influence = np.zeros((2, len(test.labels)))
        kept = max(1, len(train.labels) - len(train.labels) // 10)
        for seed in range(self._seeds):
            part = train.take(np.sort(rng.choice(len(train.labels), kept, replace=False)))
            said = probabilities(model, part.others, part.labels, test.others, classes, rng, trees=trees)
            for row, (value, moves) in enumerate(performance(said, test.labels)):
                values[row, seed] = value
                influence[row] += moves / self._seeds
        return (
            Performance(values=values[0], influence=influence[0]),
            Performance(values=values[1], influence=influence[1]),
        )


def performance(said: Floats, labels: NDArray[np.intp]) -> tuple[tuple[float, Floats], tuple[float, Floats]]:
    """F1 and AUC, each with how much every row moves it, of the probabilities of each class.

    Of two classes among the labels, those of the rarer one, the later one where they are as common; of more, the means
    over these classes.
    """
    times = np.bincount(labels, minlength=said.shape[1])
    tested = np.flatnonzero(times)
    if len(tested) == 2:
        rarer = tested[0] if times[tested[0]] < times[tested[1]] else tested[1]
        positive = labels == rarer
        return f1_parts(said[:, rarer] >= 0.5, positive), auc_parts(said[:, rarer], positive)
    guess = said.argmax(axis=1)
    f1 = [f1_parts(guess == one, labels == one) for one in tested]
    auc = [auc_parts(said[:, one], labels == one) for one in tested]
    return _mean(f1), _mean(auc)


def _mean(parts: list[tuple[float, Floats]]) -> tuple[float, Floats]:
    return float(np.mean([value for value, _ in parts])), np.mean([moves for _, moves in parts], axis=0)


def _floor(members: NDArray[np.intp], labels: NDArray[np.intp], classes: int) -> tuple[float, float]:
    """What F1 and AUC a model has that gives everybody the members' commonest class."""
    said = np.zeros((len(labels), classes))
    said[:, np.bincount(members, minlength=classes).argmax()] = 1.0
    (f1, _), (auc, _) = performance(said, labels)
    return f1, auc


def _arm(table: Table, target: str) -> Arm:
    position = table.index(target)
    known = np.flatnonzero(table.codes[:, position] != MISSING)
    others = table.select([name for name in table.names if name != target]).take(known)
    return Arm(others=others, labels=table.codes[known, position].astype(np.intp))


def _measured(name: str, model: Model, its: Performance, test: Arm, floor: float) -> Measurement:
    return measured(name, over_seeds(its.values, its.influence, test.persons), of=model, blind=floor)
