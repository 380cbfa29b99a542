"""Markdown and code as HTML that can do nothing."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.report.markup import TAGS, code_lines, inline, markdown
from autograder.report.text import printable

ALLOWED = {"href", "rel", "class", "display", "width", "stretchy", "start", "tabindex", "role", "aria-label"}


class Seen(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.bad: list[object] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        links = [
            value for name, value in attrs if name == "href" and not str(value).startswith(("http://", "https://"))
        ]
        self.bad += [tag] * (tag not in TAGS) + [name for name, _ in attrs if name not in ALLOWED] + links


@pytest.mark.parametrize(
    "text", ["<script>x</script>", "$<script>$", "[x](javascript:1)", "![x](http://a/b.png)", "<b onclick=1>"]
)
def test_nothing_of_an_attack_is_left(text: str) -> None:
    assert Seen(markdown(text)).bad == []
    assert Seen(inline(text)).bad == []
    assert "<img" not in markdown(text)


@settings(max_examples=80, deadline=None)
@given(st.text(st.sampled_from("$\\{}[]()<>`*_#|\n xfrac^&\"'=!/:")))
def test_no_text_makes_another_tag(text: str) -> None:
    assert Seen(markdown(text)).bad == []


def test_formulas_become_mathml_and_those_that_cannot_stay_as_they_are_written() -> None:
    assert "<msub><mi>p</mi>" in markdown("$p_i$")
    assert 'display="block"' in markdown("$$\\frac{1}{2}$$")
    assert '<code class="tex">\\frac{</code>' in markdown("$\\frac{$")
    assert markdown("$" + "{" * 500 + "$")


def test_fenced_python_is_coloured() -> None:
    assert '<span class="k">def</span>' in markdown("```python\ndef f(): pass\n```")


def test_lines_of_code_keep_their_numbers_and_their_text() -> None:
    source = '\ndef f(x):\n    """two\n    lines"""\n    return x < 1  # </pre>\n'
    lines = code_lines(source)
    assert len(lines) == 5
    assert "\n".join(line.unescape().replace("</span>", "") for line in lines).count("</pre>") == 1
    assert all(line.count("<span") == line.count("</span>") for line in lines)


@settings(max_examples=50, deadline=None)
@given(st.text(st.characters(codec=None)))
def test_every_text_survives_as_code(text: str) -> None:
    class Text(HTMLParser):
        said = ""

        def handle_data(self, data: str) -> None:
            self.said += data

    parser = Text()
    parser.feed("\n".join(code_lines(text)))
    parser.close()
    assert parser.said == printable(text).rstrip("\n")


def test_a_long_formula_in_a_line_can_be_broken_where_people_break_it() -> None:
    found = markdown(r"so $W_2 (W_1 x + b_1) + b_2 = (W_2 W_1) x + c$ it is")
    assert found.count("<math") == 4
    assert "<mo>+</mo><mi>c</mi>" in found  # a sum, not a sign
    assert markdown("$x + y = z$").count("<math") == 1
    assert markdown(r"$A = \begin{pmatrix} 1 & - 2 \\ 3 & + 4 \end{pmatrix} + B + C + D$").count("<math") == 5


def test_what_cannot_be_broken_and_is_wide_scrolls_by_itself_and_by_keyboard() -> None:
    found = markdown(rf"$\frac{{{'a b c d e ' * 4}}}{{{'x y z ' * 4}}}$")
    assert found.count('<span class="wide" tabindex="0" role="group" aria-label="formula"><math') == 1


def test_a_block_of_code_can_be_scrolled_by_keyboard() -> None:
    assert '<pre tabindex="0"><code>x = 1' in markdown("```text\nx = 1\n```")
