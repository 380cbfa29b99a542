"""Readers of question banks that share nothing with the writers: what would Moodle and Canvas make of an answer?"""

from __future__ import annotations

import html
import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree as ET

from nbconvert.filters.markdown_mistune import markdown2html_mistune

from autograder.quiz import Match, Printed, Variant

QTI = {"q": "http://www.imsglobal.org/xsd/ims_qtiasiv1p2"}
MANIFEST = "{http://www.imsglobal.org/xsd/imsccv1p1/imscp_v1p1}"


def words(text: str) -> str:
    """HTML as it is read: no tags, no white space, formulas without what stands around them."""
    text = re.sub(r'<img[^>]*data-equation-content="([^"]*)"[^>]*>', r"\1", text)
    text = html.unescape(re.sub(r"<[^>]+>", "", text))
    return re.sub(r"\\[()\[\]]|[\s$¶]", "", text)


def markdown_words(markdown: str) -> str:
    """Markdown as another renderer, nbconvert's, reads it."""
    return words(re.sub(r'<a class="anchor-link".*?</a>', "", markdown2html_mistune(markdown)))


def typed(variant: Variant, given: Any) -> str:
    """What a student who would give this answer in the notebook types into a field."""
    if isinstance(variant, Match):
        return " ".join(str(given[letter]) for letter in variant.letters)
    if isinstance(variant, Printed):
        return "|".join(" ".join(line.split()) for line in given.strip().splitlines())
    return given if isinstance(given, str) else repr(rounded(given))


def rounded(given: Any) -> Any:
    """Numbers as people type them, without the noise of floating point."""
    if isinstance(given, list):
        return [rounded(part) for part in given]
    return round(given, 6) if isinstance(given, float) else given


@dataclass
class Read:
    """A question as it was read. answers: text, share of the points, feedback; pairs: left and right."""

    kind: str
    name: str
    prompt: str
    explanation: str = ""
    category: str = ""
    answers: list[tuple[str, float, str]] = field(default_factory=list)
    tolerances: list[float] = field(default_factory=list)
    pairs: list[tuple[str, str]] = field(default_factory=list)
    is_case_told: bool = False
    points: float = 1.0
    feedback: str = ""

    def score(self, given: Any) -> float:
        """The share that Moodle gives."""
        return {
            "multichoice": self._chosen,
            "choices": self._chosen,
            "truefalse": self._chosen,
            "shortanswer": self._typed,
            "numerical": self._number,
            "matching": self._matched,
            "ordering": self._ordered,
        }[self.kind](given)[0]

    def told(self, given: Any) -> str:
        """What is said about an answer."""
        return {"shortanswer": self._typed, "numerical": self._number}.get(self.kind, self._chosen)(given)[1]

    def _chosen(self, given: Iterable[str]) -> tuple[float, str]:
        chosen = {given} if isinstance(given, str) else set(given)
        found = [(share, told) for text, share, told in self.answers if words(text) in chosen]
        assert len(found) == len(chosen), (self.name, chosen)
        return min(1.0, max(0.0, sum(share for share, _ in found))), " ".join(told for _, told in found)

    def _typed(self, given: str) -> tuple[float, str]:
        for text, share, told in self.answers:
            parts = [re.escape(part.replace("\\*", "*")) for part in re.split(r"(?<!\\)\*", text)]
            flags = 0 if self.is_case_told else re.IGNORECASE
            if re.fullmatch(".*".join(parts), given.strip(), flags):
                return share, told
        return 0.0, ""

    def _number(self, given: float) -> tuple[float, str]:
        for (text, share, told), tolerance in zip(self.answers, self.tolerances, strict=True):
            if abs(float(given) - float(text)) <= tolerance * (1 + 1e-9) + 1e-12:
                return share, told
        return 0.0, ""

    def _matched(self, given: dict[str, str]) -> tuple[float, str]:
        real = [(words(left), right) for left, right in self.pairs if left.strip()]
        return sum(given.get(left) == right for left, right in real) / len(real), ""

    def _ordered(self, given: list[str]) -> tuple[float, str]:
        return float([words(text) for text, _, _ in self.answers] == given), ""


def read_moodle(data: bytes) -> list[Read]:
    """Moodle XML, by the description of the format."""
    found, category = [], ""
    for question in ET.fromstring(data):
        assert question.tag == "question"
        if question.get("type") == "category":
            category = question.findtext("category/text", "")
        else:
            found.append(_moodle_question(question, category))
    return found


def _moodle_question(question: ET.Element, category: str) -> Read:
    kind = question.get("type", "")
    scale = 1.0 if kind == "ordering" else 100.0
    return Read(
        kind="choices" if kind == "multichoice" and question.findtext("single") == "false" else kind,
        name=question.findtext("name/text", ""),
        prompt=question.findtext("questiontext/text", ""),
        explanation=question.findtext("generalfeedback/text", ""),
        category=category,
        answers=[
            (a.findtext("text", ""), float(a.get("fraction", 0)) / scale, a.findtext("feedback/text", ""))
            for a in question.findall("answer")
        ],
        tolerances=[float(a.findtext("tolerance", "0")) for a in question.findall("answer")],
        pairs=[(s.findtext("text") or "", s.findtext("answer/text", "")) for s in question.findall("subquestion")],
        is_case_told=question.findtext("usecase") == "1",
        points=float(question.findtext("defaultgrade", "1")),
        feedback=question.findtext("incorrectfeedback/text", ""),
    )


ESCAPED = re.compile(r"\\([\\~=#{}:n])")


def plain(text: str) -> str:
    """A piece of GIFT without its escapes and its format."""
    text = re.sub(r"^\s*\[(html|plain|markdown|moodle)\]", "", text)
    return ESCAPED.sub(lambda found: "\n" if found[1] == "n" else found[1], text).strip()


def cut(text: str, marks: str) -> list[str]:
    """The pieces that begin at marks that are not escaped."""
    pieces = [""]
    for piece in re.findall(r"\\.|[^\\]", text, re.DOTALL):
        if piece in marks:
            pieces.append("")
        pieces[-1] += piece
    return pieces


def read_gift_by_rule(text: str) -> Iterator[Read]:
    """GIFT, by the description of the format; everything after a #### is general feedback."""
    category = ""
    for block in re.split(r"\n\s*\n", text):
        block = "\n".join(line for line in block.splitlines() if not line.strip().startswith("//")).strip()
        if block.startswith("$CATEGORY:"):
            category = block.removeprefix("$CATEGORY:").strip()
        elif block:
            yield _gift_question(block, category)


def _gift_question(block: str, category: str) -> Read:
    begin = re.match(r"::(.*?)(?<!\\)::(.*)", block, re.DOTALL)
    assert begin
    prompt, inner = cut(begin[2], "{")
    inner, end = cut(inner[1:], "}")
    assert end == "}"
    answers, _, general = inner.partition("####")
    read = Read("", plain(begin[1]), plain(prompt), plain(general), category)
    answers = answers.strip()
    if answers.startswith("#"):
        read.kind = "numerical"
    elif answers.split("#")[0].strip() in ("TRUE", "FALSE"):
        is_true = answers.startswith("TRUE")
        told = plain("".join(cut(answers, "#")[1:2]).lstrip("#"))
        read.kind = "truefalse"
        read.answers = [
            (str(value).lower(), float(value == is_true), "" if value == is_true else told) for value in (True, False)
        ]
        return read
    elif len(cut(answers, "~")) > 1:
        read.kind = "multichoice" if len(cut(answers, "=")) > 1 else "choices"
    else:
        read.kind = "matching" if "->" in answers else "shortanswer"
    for piece in cut(answers.removeprefix("#"), "~=")[1:]:
        _gift_answer(read, piece.strip())
    return read


def _gift_answer(read: Read, piece: str) -> None:
    mark, rest = piece[0], piece[1:].strip()
    if read.kind == "matching":
        left, _, right = rest.partition("->")
        read.pairs.append((plain(left), plain(right)))
        return
    weight = re.match(r"%(-?\d{1,2}\.?\d*)%", rest)
    text, *told = cut(rest[weight.end() :] if weight else rest, "#")
    share = float(weight[1]) / 100 if weight else float(mark == "=")
    value, _, tolerance = text.partition(":") if read.kind == "numerical" else (text, "", "0")
    read.tolerances.append(float(tolerance or 0))
    read.answers.append((plain(value), share, plain("".join(told).lstrip("#"))))


class QtiPackage:
    """A zip file for Canvas: its manifest, its groups, its items."""

    def __init__(self, data: bytes) -> None:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            assert package.testzip() is None
            self.files = {name: package.read(name) for name in package.namelist()}
        manifest = ET.fromstring(self.files["imsmanifest.xml"])
        self.listed = [entry.get("href", "") for entry in manifest.iter() if entry.tag.endswith("}file")]
        (self.path,) = (
            name for name in self.files if name.endswith(".xml") and b"<questestinterop" in self.files[name][:600]
        )
        self.root = ET.fromstring(self.files[self.path])
        self.groups = self.root.findall(".//q:section[@ident='root_section']/q:section", QTI)

    def items(self) -> list[QtiItem]:
        return [QtiItem(item) for group in self.groups for item in group.findall("q:item", QTI)]


class QtiItem:
    """An item of QTI 1.2, with the rules by which it is scored."""

    def __init__(self, item: ET.Element) -> None:
        self.item = item
        self.name = item.get("title", "")
        fields = item.findall(".//q:qtimetadatafield", QTI)
        facts = {f.findtext("q:fieldlabel", "", QTI): f.findtext("q:fieldentry", "", QTI) for f in fields}
        self.kind, self.points = facts["question_type"], float(facts["points_possible"])
        self.prompt = item.findtext("q:presentation/q:material/q:mattext", "", QTI)
        self.choices = {
            label.findtext("q:material/q:mattext", "", QTI): label.get("ident", "")
            for label in item.findall(".//q:response_lid//q:response_label", QTI)
        }
        self.told = {
            f.get("ident", ""): f.findtext(".//q:mattext", "", QTI) for f in item.findall("q:itemfeedback", QTI)
        }

    def ident(self, choice: str) -> str:
        (found,) = (ident for text, ident in self.choices.items() if words(text) == choice)
        return found

    def score(self, given: Any) -> float:
        """SCORE over 100, by the conditions in their order."""
        found = 0.0
        for condition in self.item.findall("q:resprocessing/q:respcondition", QTI):
            if self._applies(condition, given):
                for change in condition.findall("q:setvar", QTI):
                    found = float(change.text or 0)
                if condition.get("continue") != "Yes":
                    break
        return found / 100

    def feedback(self, given: Any) -> list[str]:
        """What is shown to who answers so."""
        shown = []
        for condition in self.item.findall("q:resprocessing/q:respcondition", QTI):
            if self._applies(condition, given):
                shown += [self.told[show.get("linkrefid", "")] for show in condition.findall("q:displayfeedback", QTI)]
                if condition.get("continue") != "Yes":
                    break
        return shown

    def _applies(self, condition: ET.Element, given: Any) -> bool:
        """All conditions must hold; but several texts of a short answer are, to Canvas, one or the other."""
        parts = condition.find("q:conditionvar", QTI)
        holds = [self._holds(part, given) for part in (parts if parts is not None else ())]
        return any(holds) if self.kind == "short_answer_question" else all(holds)

    def _holds(self, part: ET.Element, given: Any) -> bool:
        tag, text = part.tag.partition("}")[2], part.text or ""
        parts = (self._holds(one, given) for one in part)
        if tag in ("and", "or", "not"):
            return {"and": all, "or": any, "not": lambda found: not any(found)}[tag](parts)
        if tag == "other":
            return True
        if tag in ("vargte", "varlte"):
            return float(given) >= float(text) if tag == "vargte" else float(given) <= float(text)
        assert tag == "varequal"
        if isinstance(given, set):
            return text in given
        if isinstance(given, int | float) and not isinstance(given, bool):
            return float(given) == float(text)
        return str(given).strip().casefold() == text.casefold()
