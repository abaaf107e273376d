"""Fills the words of a message with facts: a small part of Liquid, for text that staff, merchants or a model wrote.

What is allowed is listed, and everything else is refused when the text is saved, with the line and a remedy:
`{{ group.name }}` with the filters below, `if`, `elsif`, `else`, `unless`, and `for ... in ...` with `limit` or `reversed`.
There is no assignment, so whatever a message prints is a fact that it was given; no include, file, clock or arithmetic.
Values are text, numbers, lists and groups: no object reaches a template, so there is nothing to climb out of, and a value
is printed, never read as a template again.

A blank text, an empty list and None all count as missing. A missing value is false in a condition, gives way to
`default`, and refuses the message when it would be printed.

As HTML, values are escaped and the author's own markup stays as it is: who lets others write it has to clean it.
"""

import difflib
import re
import time
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import wraps

from liquid import BoundTemplate, Environment, Mode, RenderContext
from liquid.ast import Node
from liquid.builtin import content, illegal, output
from liquid.builtin.expressions import KeywordArgument, Literal, Nil, Path, logical
from liquid.builtin.expressions.primitive import IntegerLiteral, StringLiteral
from liquid.builtin.filters import misc, string
from liquid.builtin.tags import for_tag, if_tag, unless_tag
from liquid.exceptions import LiquidError, LiquidTypeError, ResourceLimitError, UndefinedError
from liquid.expression import Expression
from liquid.stringify import to_liquid_string
from liquid.undefined import FalsyStrictUndefined, is_undefined
from liquid.utils import ReadOnlyChainMap

from campaigns.exceptions import RenderRefused, TemplateRefused

# A long newsletter has 20,000 characters and a dozen products; the limits stand above both.
MAX_SOURCE = 20_000
MAX_TAG = 500  # also bounds the library's regular expressions, quadratic in the length of a tag that is never closed
MAX_OUTPUT = 200_000  # bytes; mail readers cut at about 100,000
MAX_VALUE = 20_000  # characters that one filter may return
MAX_ITERATIONS = 500  # of all loops of one message together
MAX_SECONDS = 0.25  # of this thread's processor time: a busy machine must not refuse a good message
LOOK_EVERY = 16  # facts read between two looks at the clock, each of which costs more than reading one

TAGS = ("if", "elsif", "else", "endif", "unless", "endunless", "for", "endfor")
# Name: the function, the least and the most arguments.
FILTERS: dict[str, tuple[Callable, int, int]] = {
    "append": (string.append, 1, 1),
    "capitalize": (string.capitalize, 0, 0),
    "default": (misc.default, 1, 1),
    "downcase": (string.downcase, 0, 0),
    "newline_to_br": (string.newline_to_br, 0, 0),
    "truncate": (string.truncate, 0, 2),
    "upcase": (string.upcase, 0, 0),
    "url_encode": (string.url_encode, 0, 0),
}
_OPENING = re.compile(r"\{\{|\{%")


@dataclass(frozen=True, slots=True)
class Use:
    """One place where a template uses a fact. Facts of a list's items read `products[].title`."""

    name: str
    line: int
    how: str  # "print", "test" or "loop"
    is_safe: bool  # it may be missing here: a default, a condition around it, or it is only asked about


@dataclass(frozen=True, slots=True)
class Template:
    """Text that compiled. Make it once and render it for everybody."""

    source: str
    is_html: bool
    uses: tuple[Use, ...]
    _bound: BoundTemplate = field(repr=False, compare=False)


def compile_template(source: str, *, html: bool = False) -> Template:
    """Raises TemplateRefused for whatever is not on the list."""
    _scan(source)
    try:
        bound = (_HTML if html else _TEXT).from_string(source)
    except LiquidError as error:
        remedy = "Compare the tag with the allowed ones, and close every block that was opened."
        raise TemplateRefused(_line(source, error), f"The tag was not understood: {error.message}.", remedy) from None
    return Template(source, html, tuple(_Reader(source).nodes(bound.nodes)), bound)


def variables(source: str) -> frozenset[str]:
    """The names of the facts that the text uses. Raises TemplateRefused."""
    return frozenset(use.name for use in compile_template(source).uses)


def check(template: Template, *, required: Set[str], optional: Set[str] = frozenset()) -> None:
    """That the template uses known facts only, and none that may be missing without a way out. Raises TemplateRefused.

    `required` are there for everybody, `optional` may be missing: `{"offer", "products[].title"}, {"first_name"}`.
    """
    known = required | optional
    # "a.b[].c" makes known that "a" is a group and "a.b" is a list.
    lists = {name[: at.start()] for name in known for at in re.finditer(r"\[\]", name)}
    groups = {name[: at.start()] for name in known for at in re.finditer(r"\.", name)}
    refusals = []
    for use in template.uses:
        name, is_size = use.name, use.name.endswith(".size") and use.name.removesuffix(".size") in lists
        if is_size or (name in lists and use.how != "print") or (name in groups and use.how == "test"):
            continue
        if use.how == "loop":
            reason, remedy = f"{name} is not a list.", _did_you_mean(name, lists)
        elif name in lists | groups:
            reason, remedy = f"{name} is not one fact but several.", _did_you_mean(name, known)
        elif name not in known:
            reason, remedy = f"{name} is not a fact of this message.", _did_you_mean(name, known)
        elif name in optional and not use.is_safe:
            reason, remedy = f"{name} may be missing.", 'Add | default: "..." or put it inside {% if %}.'
        else:
            continue
        refusals.append(TemplateRefused(use.line, reason, remedy))
    if refusals:
        refusals[0].others = tuple(refusals[1:])
        raise refusals[0]


def render(template: Template, context: Mapping[str, object]) -> str:
    """The text for one person. Raises RenderRefused, whose words name facts and never their values."""
    values = _group(context)
    try:
        return template._bound.render(values)
    except (UndefinedError, ResourceLimitError) as error:
        line, reason = _line(template.source, error), f"{error.message}."
    except (LiquidError, ValueError, TypeError, ArithmeticError, RecursionError) as error:
        # The words of these may quote a value.
        line, reason = _line(template.source, error), "A value does not fit the tag that uses it."
    raise RenderRefused(line, reason, "Give it a default, change the tag, or leave this person out.")


def _did_you_mean(name: str, known: Set[str]) -> str:
    close = difflib.get_close_matches(name, known, n=3) or sorted(known)
    return f"Use {' or '.join(close)}." if close else "Leave it out."


def _line(source: str, part: object) -> int:
    """The line of whatever of the library carries a token: an error, a tag, an expression."""
    token = getattr(part, "token", None)
    return source.count("\n", 0, token.start_index if token.start_index >= 0 else None) + 1 if token else 1


def _scan(source: str) -> None:
    """One pass over the tags, linear in the text: the library's own reading of hostile text is not."""
    if len(source) > MAX_SOURCE:
        raise TemplateRefused(1, f"The text is longer than {MAX_SOURCE} characters.", "Make it shorter.")
    position = 0
    while opening := _OPENING.search(source, position):
        line = source.count("\n", 0, opening.start()) + 1
        close = "}}" if opening.group() == "{{" else "%}"
        end = source.find(close, opening.end(), opening.end() + MAX_TAG)
        if end < 0:
            raise TemplateRefused(line, f"A tag is not closed within {MAX_TAG} characters.", f"Close it with {close}.")
        inside = source[opening.end() : end]
        if _OPENING.search(inside):
            raise TemplateRefused(line, "A tag is opened inside another.", f"Close the first with {close}.")
        word = re.match(r"-?\s*(\w*)", inside)[1]
        if close == "%}" and word not in TAGS:
            raise TemplateRefused(line, f"The tag {word or '(none)'} is not allowed.", f"Use {', '.join(TAGS)}.")
        position = end + len(close)


# --- the library, with what is not on the list taken out


class _Missing(FalsyStrictUndefined):
    """False in a condition, nothing to loop over, gives way to `default`, and refuses everything else."""

    allowed_properties = FalsyStrictUndefined.allowed_properties | {"items"}
    force_liquid_default = True

    def __len__(self):
        return 0


class _Output(output.OutputNode):
    """Prints text and numbers only: Python's own spelling of a list or a group is nobody's message."""

    def render_to_output(self, context, buffer):
        value = self.expression.evaluate(context)
        if is_undefined(value) or value is None:
            raise UndefinedError(f"{self.expression.left} has no value", token=self.token)
        if not isinstance(value, (str, bool, int, float, Decimal)):
            raise LiquidTypeError("not a text or a number", token=self.token)
        return buffer.write(to_liquid_string(value, context.autoescape))


class _OutputTag(output.Output):
    node_class = _Output


class _IfTag(if_tag.IfTag):
    mode = Mode.STRICT  # by default a second `else` is dropped without a word, and its text with it


class _UnlessTag(unless_tag.UnlessTag):
    mode = Mode.STRICT


class _Context(RenderContext):
    """Counts and times what it does, and knows nothing but what it was given."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.scope = ReadOnlyChainMap(self.locals, self.globals)  # without the library's `now` and `today`
        self.iterations = self.reads = 0
        self.deadline = 0.0

    def raise_for_loop_limit(self, length: int = 1) -> None:
        self.iterations += length
        if self.iterations > MAX_ITERATIONS:
            raise ResourceLimitError(f"loops run more than {MAX_ITERATIONS} times", token=None)

    def get(self, path, *, token, **kwargs):
        self.reads += 1
        if self.reads % LOOK_EVERY == 0:
            now = time.thread_time()
            self.deadline = self.deadline or now + MAX_SECONDS
            if now > self.deadline:
                raise ResourceLimitError("rendering takes too long", token=token)
        return super().get(path, token=token, **kwargs)

    def get_item(self, obj, key):
        # The library's own would count the facts of a product whose `size` is missing.
        if isinstance(obj, list) and key == "size":
            return len(obj)
        if isinstance(obj, (dict, for_tag.ForLoop)):
            return obj[key]
        raise KeyError(key)


class _Bound(BoundTemplate):
    context_class = _Context

    def make_partial_namespace(self, partial, render_args):
        return render_args  # without the library's own `partial`


class _Environment(Environment):
    template_class = _Bound
    block_nesting_limit = 8
    output_stream_limit = MAX_OUTPUT

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        for tag in (content.Literal, illegal.Illegal, _OutputTag, _IfTag, _UnlessTag, for_tag.ForTag):
            self.add_tag(tag)
        for name, (function, _, _) in FILTERS.items():
            self.add_filter(name, _bounded(function))


def _bounded(function: Callable) -> Callable:
    @wraps(function)
    def bounded(*args, **kwargs):
        value = function(*args, **kwargs)
        if isinstance(value, str) and len(value) > MAX_VALUE:
            raise ResourceLimitError(f"a filter returns more than {MAX_VALUE} characters", token=None)
        return value

    return bounded


_TEXT = _Environment(undefined=_Missing, tolerance=Mode.STRICT)
_HTML = _Environment(undefined=_Missing, tolerance=Mode.STRICT, autoescape=True)


def _group(values: Mapping) -> dict[str, object]:
    return {str(name): plain for name, value in values.items() if (plain := _plain(value)) is not None}


def _plain(value: object) -> object:
    """The value as exact text, number, list or dict; None when it counts as missing. Raises TypeError for an object."""
    if isinstance(value, str):
        # A subclass could call itself safe and pass the escaping: str.__str__ alone takes the letters and not the class.
        return str.__str__(value) if value.strip() else None
    if value is None or isinstance(value, (bool, int, float, Decimal)):
        return value
    if isinstance(value, Mapping):
        return _group(value) or None
    if isinstance(value, (list, tuple)):
        return [plain for item in value if (plain := _plain(item)) is not None] or None
    raise TypeError(f"A message takes text, numbers, lists and groups, not {type(value).__name__}.")


# --- what a template uses


@dataclass(frozen=True, slots=True)
class _Reader:
    """Walks a parsed template: refuses expressions that are not on the list, and notes every use of a fact.

    `items` maps the names of the loops around to their lists; `there` are the facts that a condition around has shown.
    """

    source: str
    items: Mapping[str, str] = field(default_factory=dict)
    there: frozenset[str] = frozenset()

    def nodes(self, nodes: list[Node]) -> Iterator[Use]:
        for node in nodes:
            if isinstance(node, _Output):
                yield from self._printed(node.expression)
            elif isinstance(node, (if_tag.IfNode, unless_tag.UnlessNode)):
                yield from self._branches(node)
            elif isinstance(node, for_tag.ForNode):
                yield from self._loop(node)

    def _knowing(self, shown: frozenset[str]) -> "_Reader":
        return replace(self, there=self.there | shown)

    def _branches(self, node: if_tag.IfNode | unless_tag.UnlessNode) -> Iterator[Use]:
        condition = node.condition.expression  # taken out of its wrapper, as below
        yield from self._tested(condition)
        is_if, shown = isinstance(node, if_tag.IfNode), self._shown(condition)
        yield from self._knowing(shown if is_if else frozenset()).nodes(node.consequence.nodes)
        for other in node.alternatives:
            condition = other.expression.expression
            yield from self._tested(condition)
            yield from self._knowing(self._shown(condition)).nodes(other.block.nodes)
        if node.default:
            # What `unless` asked for is there in its `else`.
            yield from self._knowing(frozenset() if is_if or node.alternatives else shown).nodes(node.default.nodes)

    def _loop(self, node: for_tag.ForNode) -> Iterator[Use]:
        loop = node.expression
        if not isinstance(loop.iterable, Path):
            raise self._refused(loop, "A loop runs over a list of the message.", "Write {% for item in products %}.")
        if loop.cols or not all(isinstance(part, IntegerLiteral | None) for part in (loop.limit, loop.offset)):
            raise self._refused(loop, "The limit of a loop is a plain number.", "Write limit: 3.")
        name = self._name(loop.iterable)
        yield Use(name, _line(self.source, loop), "loop", is_safe=True)
        # What was shown of another item of this list says nothing of these.
        there = frozenset(fact for fact in self.there if not fact.startswith(f"{name}[]"))
        yield from _Reader(self.source, {**self.items, loop.identifier: f"{name}[]"}, there).nodes(node.block.nodes)
        yield from self.nodes(node.default.nodes if node.default else [])

    def _printed(self, expression: Expression) -> Iterator[Use]:
        for used in expression.filters:
            if used.name not in FILTERS:
                raise self._refused(used, f"The filter {used.name} is not allowed.", f"Use {', '.join(FILTERS)}.")
            _, least, most = FILTERS[used.name]
            if not least <= len(used.args) <= most or any(isinstance(each, KeywordArgument) for each in used.args):
                raise self._refused(used, f"The filter {used.name} takes {least} to {most} arguments.", "Correct it.")
            for argument in used.args:
                yield from self._value(argument.value)
        first = expression.filters[:1]
        has_default = any(used.name == "default" and not _is_blank(used.args[0].value) for used in first)
        yield from self._value(expression.left, is_safe=has_default)

    def _value(self, expression: Expression, *, how: str = "print", is_safe: bool = False) -> Iterator[Use]:
        if isinstance(expression, Path):
            if name := self._name(expression):
                yield Use(name, _line(self.source, expression), how, is_safe or name in self.there)
        elif not isinstance(expression, (Literal, Nil)):
            reason = "Ranges and the words blank and empty are not allowed."
            raise self._refused(expression, reason, "Write {% if name %}: a blank value counts as missing.")

    def _tested(self, expression: Expression) -> Iterator[Use]:
        if isinstance(expression, (logical.LogicalAndExpression, logical.LogicalOrExpression)):
            yield from self._tested(expression.left)
            is_and = isinstance(expression, logical.LogicalAndExpression)
            yield from self._knowing(self._shown(expression.left) if is_and else frozenset())._tested(expression.right)
        elif isinstance(expression, (Path, Literal, Nil)):
            yield from self._value(expression, how="test", is_safe=True)
        else:
            # A missing value equals only another one; it has no order and would refuse the message, as if printed.
            is_safe = isinstance(expression, (logical.EqExpression, logical.NeExpression))
            for side in (expression.left, expression.right):
                yield from self._value(side, how="test", is_safe=is_safe)

    def _shown(self, expression: Expression) -> frozenset[str]:
        """The facts that are there, for certain, where this condition is true."""
        if isinstance(expression, logical.LogicalAndExpression):
            return self._shown(expression.left) | self._shown(expression.right)
        if isinstance(expression, Path):
            return frozenset({self._name(expression)})
        is_equal = isinstance(expression, logical.EqExpression) and isinstance(expression.right, Literal)
        if is_equal or (isinstance(expression, logical.NeExpression) and isinstance(expression.right, Nil)):
            return self._shown(expression.left)
        return frozenset()

    def _name(self, path: Path) -> str:
        """The full name of a fact; empty for `forloop.index` and its kind, which a loop brings along."""
        if not all(isinstance(part, str) and re.fullmatch(r"[A-Za-z_]\w*", part) for part in path.path):
            raise self._refused(path, "A fact is named by words and dots.", "Use {% for %} for the items of a list.")
        first, *rest = path.path
        if first == "forloop" and self.items and first not in self.items:
            return ""
        return ".".join([self.items.get(first, first), *rest])

    def _refused(self, part: object, reason: str, remedy: str) -> TemplateRefused:
        return TemplateRefused(_line(self.source, part), reason, remedy)


def _is_blank(expression: Expression) -> bool:
    return isinstance(expression, Nil) or (isinstance(expression, StringLiteral) and not expression.value.strip())
