"""Documents of nested records as JSON, written so that the same document gives the same bytes."""

import json
from typing import Any, TypeVar

from audit_core.errors import PackError, Problem

D = TypeVar("D")


def written(document: Any) -> bytes:
    """A document's bytes: sorted keys, one final newline, no NaN.

    Raises:
        ValueError: A number is not finite.
    """
    from pydantic import TypeAdapter

    tree = TypeAdapter(type(document)).dump_python(document, mode="json")
    return (json.dumps(tree, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False) + "\n").encode()


def read(kind: type[D], data: bytes, called: str, version: int) -> D:
    """Reads what `written` wrote.

    Args:
        called: What such a document is called; its file and the code of the error have their names from it.

    Raises:
        PackError: It is not such a document of this schema version.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        document = TypeAdapter(kind).validate_json(data)
        written(document)  # refuses what is no JSON though it reads as such: NaN and Infinity
        found = getattr(document, "schema_version", version)
        if found == version:
            return document
        # Fields that another version lacks have defaults, so it may read well and say something else.
        why = f"it is of version {found}"
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        why = f"{first['type']} at {'.'.join(str(part) for part in first['loc'])}"
    except ValueError:
        why = "a number is not finite"
    raise PackError(
        Problem(
            code=f"{called}-unreadable",
            what=f"not a {called} of schema version {version} ({why})",
            where=f"{called}.json",
            fix="Run it again with this version",
        )
    )
