"""The rule builder: a tree of groups and conditions as form fields, edited by plain posts.

Each node has a path, "r" for the root and "r-0-2" for the third part of its first part; its fields are named
"<path>:<field>". A button posts `do` as "<command>:<path>", the tree is changed here and the page is shown again.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from campaigns.queries.membership import lists
from campaigns.queries.rule_fields import FIELDS
from campaigns.queries.rule_words import op_words
from campaigns.queries.segments import CHOICE_KINDS, MAX_DEPTH, MAX_LEAVES, NUMBER_OPS, TEXT_KINDS, visible

ROOT = "r"
SEGMENTS = 200  # offered as part of another; as many as the page of segments shows
NUMBER_KINDS = ("number", "days", "count", "share", "ahead")
# Where a text has to be one that the shop knows: the kind of names (campaigns.queries.rule_fields.known_names).
HINTS = {
    "top_category": "department", "affinity": "department", "bought_department": "department",
    "bought_category": "category", "category_orders": "category", "category_spend": "category",
    "bought_type": "product_type", "bought_brand": "brand", "brand_orders": "brand", "brand_spend": "brand",
    "cluster_name": "cluster",
}  # fmt: skip
MAX_PARTS = 30  # of one group; the rule itself allows 60 conditions


@dataclass
class Node:
    """A group (parts joined by all or any) or a condition (field, op, what was typed, of what, and of how many days)."""

    path: str = ROOT
    is_group: bool = False
    is_negated: bool = False
    joint: str = "all"
    parts: list["Node"] = field(default_factory=list)
    name: str = ""
    op: str = ""
    typed: str = ""
    days: str = ""
    of: str = ""
    chosen: list[str] = field(default_factory=list)
    error: str = ""

    @property
    def depth(self) -> int:
        return self.path.count("-")

    @property
    def may_nest(self) -> bool:
        return self.depth < MAX_DEPTH - 2  # a group and its "not" are two levels

    @property
    def kind(self) -> str:
        known = FIELDS.get(self.name)
        return known.kind if known else ""

    @property
    def has_days(self) -> bool:
        known = FIELDS.get(self.name)
        return bool(known and known.has_days)

    @property
    def has_of(self) -> bool:
        known = FIELDS.get(self.name)
        return bool(known and known.has_of)

    @property
    def of_label(self) -> str:
        return FIELDS[self.name].of_label if self.has_of else ""

    @property
    def hints(self) -> str:
        """The list of known values that what is typed may be taken from: the id of a datalist of the page, or ""."""
        return HINTS.get(self.name, "")

    def hints_inside(self) -> set[str]:
        """Every kind of names that the conditions of this tree may be taken from."""
        own = {self.hints} if self.hints else set()
        return own.union(*(part.hints_inside() for part in self.parts))

    @property
    def groups(self) -> list[tuple[str, list[tuple[str, str, bool]]]]:
        """The fields under their headings: (heading, [(name, label, whether it is this one)])."""
        found: dict[str, list] = {}
        for name, known in FIELDS.items():
            label = _("%(field)s in the last … days") % {"field": known.label} if known.has_days else known.label
            found.setdefault(str(known.group), []).append((name, label, name == self.name))
        return list(found.items())

    @property
    def segments(self) -> list[tuple[str, str, bool]]:
        if self.kind not in ("segment", "list"):
            return []
        rows = visible() if self.kind == "segment" else lists()
        return [(slug, name, slug == self.typed) for slug, name in rows.values_list("slug", "name")[:SEGMENTS]]

    @property
    def ops(self) -> list[tuple[str, str, bool]]:
        if self.kind not in NUMBER_KINDS:
            return []
        known = [op for op in NUMBER_OPS if not (self.kind in ("days", "ahead") and op == "=")]
        return [(op, op_words(op), op == self.op) for op in known]

    @property
    def choices(self) -> list[tuple[str, bool]]:
        return (
            [(choice, choice in self.chosen) for choice in FIELDS[self.name].choices]
            if self.kind in CHOICE_KINDS
            else []
        )


def blank() -> Node:
    return _numbered(Node(is_group=True, parts=[Node()]))


def parse(data: Mapping) -> Node:
    """The tree as it was posted (a QueryDict), whatever was typed."""
    root = _parse(data, ROOT, [MAX_LEAVES * 2])
    return root if root.is_group else _numbered(Node(is_group=True, parts=[root]))


def _parse(data, path: str, budget: list[int]) -> Node:
    budget[0] -= 1
    node = Node(path=path, is_negated=bool(data.get(f"{path}:negated")))
    if data.get(f"{path}:kind") == "group":
        node.is_group = True
        node.joint = "any" if data.get(f"{path}:joint") == "any" else "all"
        for place in range(MAX_PARTS):
            if f"{path}-{place}:kind" not in data or budget[0] <= 0 or not (node.depth < MAX_DEPTH):
                break
            node.parts.append(_parse(data, f"{path}-{place}", budget))
    else:
        node.name = data.get(f"{path}:field", "")
        node.op = data.get(f"{path}:op", "")
        node.typed = data.get(f"{path}:value", "").strip()
        node.days = data.get(f"{path}:days", "").strip()
        node.of = data.get(f"{path}:of", "").strip()
        node.chosen = data.getlist(f"{path}:choice")
    return node


def from_rule(rule: dict) -> Node:
    """The tree of a stored rule."""
    root = _from(rule)
    if not root.is_group:
        root = Node(is_group=True, parts=[root])
    return _numbered(root)


def _from(rule: dict) -> Node:
    if "not" in rule:
        inner = _from(rule["not"])
        if not inner.is_negated:
            inner.is_negated = True
            return inner
        return Node(is_group=True, is_negated=True, parts=[inner])
    for joint in ("all", "any"):
        if joint in rule:
            return Node(is_group=True, joint=joint, parts=[_from(part) for part in rule[joint]])
    value = rule["value"]
    many = [str(v) for v in value] if isinstance(value, list) else [str(value)]
    typed = "" if isinstance(value, list) else str(value)
    more = {"days": str(rule.get("days", "")), "of": rule.get("of", "")}
    return Node(name=rule["field"], op=rule["op"], typed=typed, chosen=many, **more)


def to_rule(node: Node) -> dict:
    """The rule that the tree stands for. What cannot be read as a number stays text, which the compiler refuses."""
    if node.is_group:
        rule: dict = {node.joint: [to_rule(part) for part in node.parts]}
    elif node.kind in CHOICE_KINDS:
        rule = {"field": node.name, "op": "in", "value": node.chosen}
    elif node.kind in TEXT_KINDS:
        rule = {"field": node.name, "op": "=", "value": node.typed}
    else:
        rule = {"field": node.name, "op": node.op, "value": _number(node.typed)}
    if node.has_days:
        rule["days"] = _number(node.days)
    if node.has_of:
        rule["of"] = node.of
    return {"not": rule} if node.is_negated else rule


def _number(typed: str) -> int | float | str:
    if re.fullmatch(r"-?\d{1,10}", typed):
        return int(typed)
    try:
        number = float(typed)
    except ValueError:
        return typed
    return number if math.isfinite(number) else typed


def change(root: Node, command: str) -> Node:
    """Carries out one button: add, group or remove at a path. An unknown command changes nothing."""
    action, _, path = command.partition(":")
    node = find(root, path)
    if node is not None:
        if action in ("add", "group") and node.is_group and len(node.parts) < MAX_PARTS:
            fresh = Node() if action == "add" else Node(is_group=True, joint="any", parts=[Node()])
            node.parts.append(fresh)
        elif action == "remove" and path != ROOT:
            above = find(root, path.rpartition("-")[0])
            above.parts.remove(node)
            if not above.parts and above is root:
                above.parts.append(Node())
    return _numbered(root)


def find(root: Node, path: str) -> Node | None:
    node = root
    places = path.split("-")
    if places[0] != ROOT:
        return None
    for place in places[1:]:
        if not (place.isdecimal() and node.is_group and int(place) < len(node.parts)):
            return None
        node = node.parts[int(place)]
    return node


def mark(root: Node, place: str, message: str) -> None:
    """Writes a refusal of the compiler, whose places read “rule.all[1].not.any[0].value”, at the node that it is about."""
    node = find(root, "-".join([ROOT, *re.findall(r"\[(\d+)\]", place)]))
    (node or root).error = message


def _numbered(node: Node, path: str = ROOT) -> Node:
    node.path = path
    for place, part in enumerate(node.parts):
        _numbered(part, f"{path}-{place}")
    return node
