"""What `make site` does to pages: it keeps them to themselves.

A link to a file outside docs/ becomes the file's name, for a site stands alone; and each page tells the
browser to ask no other host for anything.
"""

import posixpath
import re
from typing import Any

OUTSIDE = re.compile(r"(?<!!)\[([^\]]*)\]\(((?:\.\./)+[^)#\s]*)(?:#[^)]*)?\)")
POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "connect-src 'self'",
    )
)


def on_page_markdown(markdown: str, page: Any, **_: object) -> str:
    """Called by mkdocs for each page."""
    return named(markdown, posixpath.dirname(page.file.src_uri))


def on_post_template(output_content: str, template_name: str, **_: object) -> str:
    """Called by mkdocs for pages that are no documents, such as that of an address that is none."""
    return guarded(output_content) if template_name.endswith(".html") else output_content


def on_post_page(output: str, **_: object) -> str:
    """Called by mkdocs for each page that is made."""
    return guarded(output)


def guarded(html: str) -> str:
    meta = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    return html.replace("<head>", f"<head>\n{meta}", 1)


def named(markdown: str, folder: str) -> str:
    """`[text](../../src/a.py)` in a page of `folder` becomes `text (`src/a.py`)`."""

    def replace(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join("docs", folder, link[2]))
        return link[0] if target.startswith("docs/") else f"{link[1]} (`{target}`)"

    return OUTSIDE.sub(replace, markdown)
