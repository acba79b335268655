"""What a page is given and what its template uses are the same, both ways."""

import dataclasses
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from jinja2 import nodes
from jinja2.meta import find_undeclared_variables

from app.web import contexts
from app.web.contexts import PAGES
from app.web.contexts.parts import Page
from app.web.render import TEMPLATES, environment, render_html
from tests.web.preview import pages


def _source(name: str) -> str:
    return (TEMPLATES / name).read_text()


def _family(name: str) -> set[str]:
    """The template with all it extends and includes."""
    tree = environment().parse(_source(name))
    found = {name}
    for node in tree.find_all((nodes.Extends, nodes.Include)):
        assert isinstance(node.template, nodes.Const), f"{name} includes a template whose name is computed"
        found |= _family(node.template.value)
    return found


def _used_names(name: str) -> set[str]:
    env = environment()
    used: set[str] = set(env.globals)
    for member in _family(name):
        tree = env.parse(_source(member))
        # what a file imports or defines itself is also known inside its blocks
        own = {str(given) for node in tree.find_all(nodes.FromImport) for given in node.names}
        own |= {node.name for node in tree.find_all(nodes.Macro)}
        used |= find_undeclared_variables(tree) - own
    return used - set(env.globals)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.__name__)
def test_context_when_compared_with_its_template_then_neither_has_more(page: type[Page]) -> None:
    given = {field.name for field in dataclasses.fields(page)}
    assert _used_names(page.template) == given


def test_parts_when_compared_with_the_templates_then_every_field_is_shown() -> None:
    attributes = {
        node.attr
        for path in TEMPLATES.glob("*.html")
        for node in environment().parse(path.read_text()).find_all(nodes.Getattr)
    }
    parts = [
        part
        for module in pkgutil.iter_modules(contexts.__path__, prefix=f"{contexts.__name__}.")
        for part in vars(importlib.import_module(module.name)).values()
        if dataclasses.is_dataclass(part) and isinstance(part, type) and not issubclass(part, Page)
    ]
    unused = {
        f"{part.__name__}.{field.name}"
        for part in parts
        for field in dataclasses.fields(part)
        if field.name not in attributes
    }
    assert unused == set()


def _with_a_template(page: type[Page]) -> Iterator[str]:
    """The names of the classes below one: a class with slots is made twice, and the first one lingers."""
    for below in page.__subclasses__():
        if hasattr(below, "template"):
            yield below.__name__
        yield from _with_a_template(below)


def test_pages_when_listed_then_every_page_class_is_there() -> None:
    assert set(_with_a_template(Page)) == {page.__name__ for page in PAGES}


def test_samples_when_listed_then_every_page_class_is_shown() -> None:
    assert {type(page) for page in pages().values()} == set(PAGES)


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("*.html")), ids=lambda path: path.name)
def test_template_when_compiled_then_it_is_sound(path: Path) -> None:
    environment().get_template(path.name)
    is_fragment = path.name.startswith("_")
    assert is_fragment or path.name == "base.html" or '{% extends "base.html" %}' in path.read_text()


def test_context_when_changed_then_refused() -> None:
    page = pages()["sign-in"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        page.title = "Other"  # type: ignore[misc]  # that it cannot be is the point


def test_fragments_when_rendered_alone_then_they_stand_alone() -> None:
    assert (
        render_html(pages()["recording-processing"], template="_progress.html").strip().startswith("<section")
    )
    assert render_html(pages()["dashboard"], template="_roster.html").strip().startswith("<div")


def test_context_types_when_walked_then_nothing_mutable_is_handed_over() -> None:
    for page in PAGES:
        for name, hint in get_type_hints(page).items():
            assert list not in (hint, *get_args(hint)), f"{page.__name__}.{name}"
