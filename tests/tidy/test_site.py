"""The documentation as a site: every page has its place, links lead to headings, and no other host is asked.

`make site` builds it. The list of pages and the links are read here as text: `make check` stays quick.
The site itself is built by a test that takes longer.
"""

import os
import posixpath
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.tidy.source import ROOT, tracked

LISTED = re.compile(r"^ +- (?:.*: )?(\S+\.md)$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]*)#([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
HOSTS = re.compile(r"""(?:\bsrc=|<link[^>]*\bhref=|@import |\burl\()["']?(?:https?:)?//""")
UNMADE = re.compile(r"<p>[^<]*(?:<(?!/p)[^<]*)*?\n(?:- |\* |\| |\d+\. |```)")


def pages() -> list[str]:
    """The pages of docs/, from there."""
    return [name.removeprefix("docs/") for name in tracked() if re.fullmatch(r"docs/.*\.md", name)]


def test_every_page_has_one_place_in_the_site() -> None:
    assert sorted(LISTED.findall((ROOT / "mkdocs.yml").read_text())) == sorted(pages())


def test_links_to_headings_lead_to_headings() -> None:
    broken = [
        f"{page}: {target}#{anchor}"
        for page in pages()
        for target, anchor in LINK.findall(text_of(page))
        if not target.startswith("http") and anchor not in headings(beside(page, target))
    ]
    assert broken == []


@cache
def text_of(page: str) -> str:
    return FENCE.sub("", (ROOT / "docs" / page).read_text())


def beside(page: str, target: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(page), target)) if target else page


@cache
def headings(page: str) -> set[str]:
    """As a link names them: lower case, words joined by hyphens."""
    found = re.findall(r"^#+ (.*)$", text_of(page), re.MULTILINE) if page.endswith(".md") else []
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in found}


@pytest.mark.long
def test_the_site_is_built_without_a_warning_and_asks_no_other_host(tmp_path: Path) -> None:
    words = [str(Path(sys.executable).with_name("mkdocs")), "build", "--site-dir", str(tmp_path / "site")]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr

    made = {path.relative_to(tmp_path / "site").as_posix(): path for path in (tmp_path / "site").rglob("*.*")}
    assert set(made) >= {page.replace(".md", ".html") for page in pages()} | {"search/search_index.json"}
    texts = {name: path.read_text() for name, path in made.items() if name.endswith((".html", ".css"))}
    assert [name for name, text in texts.items() if HOSTS.search(text)] == []
    # Nothing that its scripts would fetch something for, and the browser would not let them.
    assert all("connect-src 'self'" in text for name, text in texts.items() if name.endswith(".html"))
    articles = {name: text.partition("<article")[2].partition("</article")[0] for name, text in texts.items()}
    plain = {name: re.sub("<pre.*?</pre>", "", text, flags=re.DOTALL) for name, text in articles.items()}
    assert [name for name, text in plain.items() if UNMADE.search(text)] == [], (
        "lists or tables shown as text"
    )
