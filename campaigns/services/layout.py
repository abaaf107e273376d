"""How a mail looks: a few responsive blocks in MJML, compiled once into a Liquid template, which each mail then fills.

The engine (MRML, mjml.io's language in Rust) sees the blocks below and never a word of anybody: what people, merchants or
a model wrote comes into the compiled template as values, escaped. Phones get one column, and readers that follow
`prefers-color-scheme` a dark page; the others keep the light one, which stands in every style attribute.
"""

import itertools
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

import mjml
from markupsafe import escape

from campaigns.render import Template, compile_template, render

# What the mail is made of, in its order. `{% … %}` stands in mj-raw, for the engine hands that on as it is.
BLOCKS: Mapping[str, str] = {
    "brand": """
      <mj-section css-class="paper" background-color="#ffffff" padding="24px 0 0">
        <mj-column>
          <mj-text css-class="quiet" font-size="13px" color="#52616a" letter-spacing="0.5px">{{ store }}</mj-text>
        </mj-column>
      </mj-section>""",
    "words": """
      <mj-section css-class="paper" background-color="#ffffff" padding="0">
        <mj-column><mj-text>{{ body | newline_to_br }}</mj-text></mj-column>
      </mj-section>""",
    "offer": """
      <mj-raw>{% if offer %}</mj-raw>
      <mj-section css-class="paper" background-color="#ffffff" padding="0">
        <mj-column><mj-text css-class="offer" font-weight="700" color="#0b5d4f">{{ offer }}</mj-text></mj-column>
      </mj-section>
      <mj-raw>{% endif %}</mj-raw>""",
    "products": """
      <mj-section css-class="paper" background-color="#ffffff" padding="8px 0">
        <mj-column>
          <mj-table css-class="products" cellpadding="0">
            {% for product in products %}<tr>
              <td class="line" style="padding:12px 0;border-bottom:1px solid #d9e0e3"><a class="link" href="{{ product.url }}"
                style="color:#0b5d4f">{{ product.title }}</a></td>
              <td class="line"
                style="padding:12px 0 12px 16px;border-bottom:1px solid #d9e0e3;text-align:right;white-space:nowrap">
                {% if product.price %}{{ product.price }}{% endif %}</td>
            </tr>{% endfor %}
          </mj-table>
        </mj-column>
      </mj-section>""",
    "button": """
      <mj-section css-class="paper" background-color="#ffffff" padding="8px 0 32px">
        <mj-column>
          <mj-button css-class="button" align="left" background-color="#0b5d4f" color="#ffffff" border-radius="6px"
            inner-padding="14px 24px" href="{{ first }}">{{ call }}</mj-button>
        </mj-column>
      </mj-section>""",
    "foot": """
      <mj-section padding="16px 0 32px">
        <mj-column>
          <mj-text css-class="quiet" font-size="13px" color="#52616a">{{ sender }}</mj-text>
          <mj-text css-class="quiet" font-size="13px" color="#52616a" padding-top="0" line-height="2">
            {% for one in foot %}<a class="quiet" href="{{ one.url }}" style="color:#52616a">{{ one.name }}</a>
            {% unless forloop.last %} &nbsp;·&nbsp; {% endunless %}{% endfor %}
          </mj-text>
        </mj-column>
      </mj-section>""",
}  # fmt: skip
# No font that the engine knows by name (Roboto, Lato ...): it would fetch it from Google, and tell who opened the mail.
FRAME = """
<mjml lang="en">
  <mj-head>
    <mj-raw><meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark"></mj-raw>
    <mj-attributes>
      <mj-all font-family="-apple-system, 'Segoe UI', 'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei', sans-serif" />
      <mj-text font-size="16px" line-height="1.5" color="#13222a" padding="10px 24px" />
      <mj-table font-size="16px" line-height="1.5" color="#13222a" padding="0 24px" />
      <mj-button font-size="16px" padding="8px 24px" />
    </mj-attributes>
    <mj-style>
      :root { color-scheme: light dark; }
      @media (prefers-color-scheme: dark) {
        body, .page { background: #0f171b !important; }
        .paper, .paper > table { background: #18242a !important; }
        .paper div, .products table, .products td { color: #e8eef0 !important; }
        .line { border-color: #33444c !important; }
        .link, .offer div { color: #6fd3bd !important; }
        .quiet, .quiet div { color: #a5b4bb !important; }
      }
    </mj-style>
  </mj-head>
  <mj-body css-class="page" background-color="#f1f4f5" width="600px">%s
  </mj-body>
</mjml>
"""


@cache
def layout() -> Template:
    """The whole mail as a template: compiled when a process writes its first one."""
    source = FRAME.replace("%s", "".join(BLOCKS.values()))
    return compile_template(mjml.mjml2html(source), html=True)


@dataclass(frozen=True, slots=True)
class Frame:
    """A mail with gaps for whatever differs from person to person; holds nothing of anybody."""

    pieces: tuple[str, ...]
    gaps: tuple[int, ...]  # which value stands behind each piece but the last


# Stands for a value while a frame is made. Nobody can write it: it is drawn when the process starts.
_GAP = secrets.token_hex(16)
_WORDS = compile_template("{{ body | newline_to_br }}", html=True)


@lru_cache(maxsize=256)  # some 10 KB each; a campaign needs a handful
def _frame(has_offer: bool, has_price: tuple[bool, ...], names: tuple[str, ...], **texts: str) -> Frame:
    count = itertools.count()

    def gap() -> str:
        return f"{_GAP}{next(count)};"

    facts = {**texts, "body": gap(), "offer": gap() if has_offer else ""}
    # In the order of html_of's values. A gap is a value like any other, so the layout decides as it would on that.
    facts["products"] = [{"title": gap(), "price": gap() if priced else "", "url": gap()} for priced in has_price]
    facts["first"] = gap()
    facts["foot"] = [{"name": name, "url": gap()} for name in names]
    parts = re.split(f"{_GAP}([0-9]+);", render(layout(), facts))
    return Frame(tuple(parts[::2]), tuple(map(int, parts[1::2])))


def html_of(facts: Mapping[str, object]) -> str:
    """The HTML of one mail. Raises RenderRefused when a fact is missing.

    What mails have in common is filled once: the whole layout takes a millisecond, the gaps a tenth of it.
    """
    offer, products, foot = facts["offer"], facts["products"], facts["foot"]
    has_price, names = tuple(bool(one["price"]) for one in products), tuple(one["name"] for one in foot)
    texts = {name: facts[name] for name in ("store", "call", "sender")}
    frame = _frame(bool(offer), has_price, names, **texts)
    shown = [one[key] for one in products for key in ("title", "price", "url") if one[key] or key != "price"]
    own = [*([offer] if offer else []), *shown, facts["first"], *(one["url"] for one in foot)]
    values = [render(_WORDS, {"body": facts["body"]}), *map(str, map(escape, own))]
    ends = [values[gap] for gap in frame.gaps]
    return "".join(itertools.chain.from_iterable(itertools.zip_longest(frame.pieces, ends, fillvalue="")))
