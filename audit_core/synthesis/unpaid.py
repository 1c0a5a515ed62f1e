"""What a run does with the members' rows besides fitting a generator to them, for the ledger of its release."""

from dataclasses import replace

from audit_core.guarantee import Guarantee
from audit_core.ledger_words import code
from audit_core.recipe import Recipe
from audit_core.written.recipe import SplitSpec


def completed(recipe: Recipe, claim: Guarantee) -> Guarantee:
    """A generator's claim, and what this run adds to it."""
    suppressed = recipe.rules or any(spec.suppress_below is not None for spec in recipe.columns.values())
    derived = (*claim.derived, code("suppression")) if suppressed else claim.derived
    hashed = [code("rekeyed-ids", name) for name in recipe.columns_made("hash_rekey")]
    return replace(
        claim,
        derived=tuple(dict.fromkeys(derived)),
        outside=tuple(dict.fromkeys((*claim.outside, *hashed))),
        aborts=tuple(dict.fromkeys((*claim.aborts, *aborts(recipe)))),
    )


def aborts(recipe: Recipe) -> tuple[str, ...]:
    """The checks before fitting that look at the members' rows, and stop a run whose rows are not as declared.

    Each tells whoever learns that a run was stopped one bit, and costs no budget. Checks of what nothing is declared of
    are not among these: a generator has the kinds of such columns in its list of what was not paid for.
    """
    specs = recipe.columns.values()
    identified = any(spec.role == "identifier" for spec in specs)
    checks = {
        "value-not-of-type": any(spec.kind in ("integer", "number", "date") for spec in specs),
        "beyond-bounds": any(spec.min is not None or spec.max is not None for spec in specs),
        "undeclared-values": any(spec.values is not None for spec in specs),
        "address-without-region": any(spec.hierarchy is not None for spec in specs),
        "id-pattern-taken": any(recipe.columns[name].pattern is not None for name in recipe.columns_made("fresh")),
        "subject-missing": recipe.subject is not None,
        "subjects-shared": recipe.subject is not None and isinstance(recipe.non_members, str),
        "identifiers-shared": recipe.non_members is not None and identified,
        "non-members-overlap": recipe.non_members is not None,
        "split-one-sided": isinstance(recipe.non_members, SplitSpec),
    }
    return tuple(code(name) for name, applies in checks.items() if applies)
