"""Shadow queries: fit the generator again, with and without each target, and learn what that does to the release.

The shadow fits are shared: each is made on a random half of all targets and on rows of the reference sample, so that
every target is in half of them and out of the other half, and one more target costs nothing. What the fits release is
seen through targeted marginal queries, one classifier for all targets learns which counts speak of membership, and it
is asked about the real release.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit_core.answers import Scores
from audit_core.questions import Membership
from audit_core.refit import Refit
from audit_core.tables import Table, read_only
from audit_plugins.attacks.shadows import Workers, halves
from audit_plugins.attacks.targeted_marginals import Cells, Query, View, cells_of, exact_and_binned, matches, queries_of

Counts = NDArray[np.float32]

BINS = 16
ORDERS = (1, 2, 3)

_MOST_EXAMPLES = 100_000  # pairs of a fit and a target that the classifier is shown
_FLOOR = 0.1  # rows; what a target that never came up may still be expected to have


class ShadowQueries:
    """Answers a membership question with one score, the log odds of membership. HIGHER = MORE LIKELY A MEMBER.

    An attacker who knows nothing scores an AUC of 0.5. One classifier serves all targets: of the few fits that a target
    is in, a classifier of its own would learn next to nothing.

    References:
        Houssiau et al. (2022), TAPAS: random targeted marginal queries of orders 1 to 3.
        Guepin, Meeus, Cretu & de Montjoye (2023), Synthetic is all you need: shadow models of tabular generators.
        Carlini et al. (2022), Membership inference attacks from first principles: shadow models shared by all targets.
    """

    def __init__(
        self,
        *,
        fits: int,
        queries: int,
        n_jobs: int,
        backend: str | None,
        backend_params: Mapping[str, Any],
        **asked: Any,
    ) -> None:
        """Takes how many shadow fits and queries to make, and where joblib makes the fits; `asked` is the core's.

        Args:
            backend: As in `Workers`.
        """
        self._fits, self._queries = fits, queries
        self._workers = Workers(n_jobs=n_jobs, backend=backend, backend_params=backend_params)

    def answer(self, question: Membership, rng: np.random.Generator) -> Scores:
        """Scores every target.

        Raises:
            ValueError: The question lacks the release, the reference or the generator.
        """
        targets, release, reference = question.targets, question.release, question.reference
        if release is None or reference is None or question.generator is None:
            raise ValueError("shadow queries see the release, a reference and the generator")
        views = exact_and_binned((targets, reference), BINS)
        queries = queries_of(views, ORDERS, self._queries, rng)
        cells = cells_of(targets, views)
        inside = halves(self._fits, len(targets), rng)
        trains = (_training_set(targets, reference, fit, rng) for fit in inside)
        work = ((train, len(release), child) for train, child in zip(trains, rng.spawn(self._fits), strict=True))
        shadows = np.stack(self._shadows(question.generator, cells, views, queries, work))
        released = counts_of(cells, release, views, queries)
        return Scores(of="shadow-classifier", values=log_odds(shadows, inside, released, rng))

    def _shadows(
        self,
        generator: Refit,
        cells: Cells,
        views: Sequence[View],
        queries: Sequence[Query],
        work: Iterator[tuple[Table, int, np.random.Generator]],
    ) -> list[Counts]:
        """The counts of each shadow fit, made wherever joblib is told to make them."""
        told = ((generator, cells, views, queries, train, rows, child) for train, rows, child in work)
        return self._workers.each(shadow, told)


def shadow(
    generator: Refit,
    cells: Cells,
    views: Sequence[View],
    queries: Sequence[Query],
    train: Table,
    rows: int,
    rng: np.random.Generator,
) -> Counts:
    """The counts of one shadow release, shape `(n_targets, n_queries)`."""
    return counts_of(cells, generator.make(train, rows, rng), views, queries)


def counts_of(cells: Cells, release: Table, views: Sequence[View], queries: Sequence[Query]) -> Counts:
    """How many released rows match each target in each query, shape `(n_targets, n_queries)`."""
    seen = cells_of(release, views)
    return np.column_stack([matches(cells, seen, query, views) for query in queries]).astype(np.float32)


def log_odds(shadows: Counts, inside: NDArray[np.bool_], released: Counts, rng: np.random.Generator) -> NDArray[Any]:
    """How likely each target is a member, by a classifier of the shadow fits it was in against those it was not in.

    A count is taken for Poisson with one mean for a target that is out and a higher one for a target that is in; by how
    much, is the same for all targets of a query, so the few fits that a single target is in need not tell. The
    classifier weighs the queries' log likelihood ratios, which are not independent.

    Args:
        shadows: Shape `(n_fits, n_targets, n_queries)`.
        inside: Shape `(n_fits, n_targets)`.
        released: Shape `(n_targets, n_queries)`.

    Returns:
        Shape `(n_targets,)`, up to a constant.
    """
    from sklearn.linear_model import LogisticRegression

    within = inside[:, :, None]
    mean_in, mean_out = (
        np.mean(shadows, axis=(0, 1), where=np.broadcast_to(some, shadows.shape)) for some in (within, ~within)
    )
    more = np.maximum(mean_in - mean_out, 0.0)
    expected = np.maximum(shadows.mean(axis=0) - more / 2, 0.0) + _FLOOR
    weight = np.log1p(more / expected)
    examples = rng.choice(inside.size, min(inside.size, _MOST_EXAMPLES), replace=False)
    fit, target = np.unravel_index(examples, inside.shape)
    ratios = shadows[fit, target] * weight[target] - more
    spread = ratios.std(axis=0)
    spread[spread == 0] = 1.0
    model = LogisticRegression(max_iter=1000).fit(ratios / spread, inside[fit, target])
    return np.asarray((released * weight - more) / spread @ model.coef_[0], dtype=np.float64)


def _training_set(targets: Table, reference: Table, inside: NDArray[np.bool_], rng: np.random.Generator) -> Table:
    """The targets that are in, and half of the reference rows: the rest of what was trained on varies too."""
    some = rng.permutation(len(reference))[: (len(reference) + 1) // 2]
    codes = np.concatenate([targets.codes[inside], reference.codes[some]])
    return Table(columns=targets.columns, codes=read_only(codes))
