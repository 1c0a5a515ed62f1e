"""What all pages share: one file without scripts, a strict content security policy, one look."""

import base64
import hashlib
from functools import cache
from importlib.resources import files

import jinja2
from markupsafe import Markup

from audit_reports.wording import Wording


def page(
    template: str,
    wording: Wording,
    *,
    title: str,
    kind: str,
    name: str,
    source: str,
    digest: str,
    version: str,
    sheets: tuple[str, ...],
    chapters: tuple[tuple[str, str, str], ...],
    **parts: object,
) -> bytes:
    """A page in one language.

    Args:
        template: Extends `page.html.j2`.
        kind: Of the document, in words.
        name: Of what it is about.
        source: The file that every number on the page is from.
        digest: Of that file, in hex.
        version: Of what wrote it.
        sheets: Style sheets, in this order.
        chapters: Letter, anchor and heading of each.
        parts: What the template shows.
    """
    style = _style(sheets, source, digest)
    text = (
        _environment()
        .get_template(template)
        .render(
            language=wording.language,
            policy=_content_security_policy(style),
            style=Markup(style),  # noqa: S704 - our own files and a hexadecimal digest
            say=wording.say,
            title=title,
            kind=kind,
            name=name,
            source=source,
            version=version,
            chapters=chapters,
            letters={anchor: letter for letter, anchor, _ in chapters},
            **parts,
        )
    )
    return text.encode()


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("audit_reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _style(sheets: tuple[str, ...], source: str, digest: str) -> str:
    """The style sheets in one; each printed page names the document that it is of."""
    templates = files("audit_reports").joinpath("templates")
    sheet = "".join(templates.joinpath(name).read_text(encoding="utf-8") for name in sheets)
    return sheet + f'@page {{ @bottom-left {{ content: "{source} sha256:{digest[:16]}"; }} }}\n'


def _content_security_policy(style: str) -> str:
    """Nothing may be loaded or run; the one style sheet is named by its hash."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
