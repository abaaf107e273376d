"""Templates: what fills, what is refused and says why, and a corpus of hostile text of which nothing comes through."""

import time
from decimal import Decimal

import pytest
from markupsafe import Markup

from campaigns.exceptions import RenderRefused, TemplateRefused
from campaigns.render import MAX_OUTPUT, MAX_SOURCE, check, compile_template, render, variables

FACTS = {
    "first_name": "Ada",
    "offer": "20 % off",
    "products": [
        {"title": "Green tea", "price": "3.50", "size": "12 OZ", "url": "https://shop.example/a"},
        {"title": "Bread & butter", "price": "2.20", "size": None, "url": "https://shop.example/b"},
    ],
}
REQUIRED = {"offer", "products[].title", "products[].price", "products[].url"}
OPTIONAL = {"first_name", "products[].size"}


def filled(source, facts=FACTS, **options):
    return render(compile_template(source, **options), facts)


def refusal(source):
    with pytest.raises(TemplateRefused) as refused:
        compile_template(source)
    assert refused.value.reason
    assert refused.value.remedy
    return refused.value


# --- what fills


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("Hi {{ first_name }}!", "Hi Ada!"),
        ("{{ first_name | upcase }} gets {{ offer | truncate: 5, '' }}", "ADA gets 20 % "),
        ("{% for p in products %}{{ forloop.index }} {{ p.title }};{% endfor %}", "1 Green tea;2 Bread & butter;"),
        ("{% for p in products limit: 1 %}{{ p.title }}{% endfor %}", "Green tea"),
        ("{% for p in products reversed %}{{ p.price }} {% endfor %}", "2.20 3.50 "),
        ("{% for p in products %}{% if p.size %}({{ p.size }}){% else %}-{% endif %}{% endfor %}", "(12 OZ)-"),
        ("{% for p in nothing %}x{% else %}none{% endfor %}", "none"),
        ("{% if products.size == 2 %}two{% elsif products.size > 2 %}more{% endif %}", "two"),
        ("{% unless nickname %}no nickname{% else %}{{ nickname }}{% endunless %}", "no nickname"),
        ("{% if offer contains '%' and first_name != 'Bob' %}yes{% endif %}", "yes"),
        ("a {{- first_name -}} b", "aAdab"),
        ("100 % {sure} }} and %} stay", "100 % {sure} }} and %} stay"),
        ("{{ first_name | default: 'friend' | append: '!' }}", "Ada!"),
        ("{{ offer | url_encode }}", "20+%25+off"),
        ("亲爱的{{ first_name }}，\n{{ offer }}", "亲爱的Ada，\n20 % off"),
    ],
)
def test_facts_are_filled_in(source, expected):
    assert filled(source) == expected


@pytest.mark.parametrize("missing", [{}, {"first_name": None}, {"first_name": ""}, {"first_name": " \n\t"}])
def test_a_blank_name_counts_as_a_missing_one(missing):
    assert filled("Hi {{ first_name | default: 'there' }}", missing) == "Hi there"
    assert filled("Hi{% if first_name %} {{ first_name }}{% endif %}", missing) == "Hi"
    assert filled("{% if first_name == nil %}nobody{% endif %}", missing) == "nobody"
    with pytest.raises(RenderRefused) as refused:
        filled("Dear\n{{ first_name }}", missing)
    assert (refused.value.line, refused.value.reason) == (2, "first_name has no value.")


@pytest.mark.parametrize(
    ("value", "expected"), [(0, "0"), (Decimal("3.50"), "3.50"), (1.5, "1.5"), (True, "true"), (False, "false")]
)
def test_zero_and_false_are_values(value, expected):
    assert filled("{{ x }}", {"x": value}) == expected


def test_a_value_is_never_read_as_a_template():
    title = "100% off {{ price }} {% for i in x %}{{ secret }}{% endfor %}"
    facts = {"products": [{"title": title}], "price": "LEAK", "secret": "LEAK"}
    assert filled("{% for p in products %}{{ p.title }}{% endfor %}", facts) == title
    assert filled("{{ a | default: b }}", {"b": title, "price": "LEAK"}) == title


def test_html_escapes_values_and_keeps_the_authors_markup():
    facts = {"title": "<script>alert('1')</script> & \"co\"", "safe": Markup("<b>x</b>")}
    assert (
        filled("<p title='{{ title }}'>{{ title | append: '<br>' }}</p>", facts, html=True)
        == "<p title='&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &#34;co&#34;'>"
        "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &#34;co&#34;<br></p>"
    )
    # A value that calls itself safe is a value all the same.
    assert filled("{{ safe }}", facts, html=True) == "&lt;b&gt;x&lt;/b&gt;"
    assert filled("{{ title }}", facts) == facts["title"]


def test_every_filter_keeps_values_escaped():
    for chain in ("upcase", "downcase", "capitalize", "truncate: 99", "default: 'y'", "append: x", "newline_to_br"):
        assert "<" not in filled(f"{{{{ x | {chain} }}}}", {"x": "<I>'a'"}, html=True), chain
        assert "<" not in filled(f"{{{{ 'a' | append: x | {chain} }}}}", {"x": "<I>'a'"}, html=True), chain


class Customer:
    email = "ada@shop.example"


@pytest.mark.parametrize("value", [Customer(), Customer, object(), b"bytes", {"a": Customer()}, [Customer()], len])
def test_objects_never_reach_a_template(value):
    with pytest.raises(TypeError, match="takes text, numbers, lists and groups"):
        filled("{{ x }}", {"x": value})


# --- what a template uses


def test_variables_are_named_with_their_lists():
    source = "{{ first_name | default: offer }}{% for p in products %}{{ p.title }}{{ forloop.index }}{% endfor %}"
    assert variables(source) == {"first_name", "offer", "products", "products[].title"}


@pytest.mark.parametrize(
    "source",
    [
        "{{ offer }}",
        "{{ first_name | default: 'there' }}",
        "{% if first_name %}{{ first_name }}{% endif %}",
        "{% if first_name == 'Ada' %}{{ first_name }}{% endif %}",
        "{% if first_name != nil %}{{ first_name | upcase }}{% endif %}",
        "{% if offer and first_name %}{{ first_name }}{% elsif offer %}-{% endif %}",
        "{% if first_name and first_name contains 'A' %}x{% endif %}",
        "{% if offer == 'x' %}{% elsif first_name %}{{ first_name }}{% endif %}",
        "{% unless first_name %}friend{% else %}{{ first_name }}{% endunless %}",
        "{% for p in products %}{{ p.title }}{% if p.size %}{{ p.size }}{% endif %}{% endfor %}",
        "{% if products.size > 1 %}{{ products.size }}{% endif %}{% if products %}x{% endif %}",
    ],
)
def test_a_template_that_holds_passes(source):
    check(compile_template(source), required=REQUIRED, optional=OPTIONAL)


@pytest.mark.parametrize(
    "source",
    [
        "{{ first_name }}",
        "{{ first_name | default: '' }}",
        "{{ first_name | default: ' ' }}",
        "{{ first_name | default: nil }}",
        "{{ first_name | upcase | default: 'x' }}",  # the filter would meet nothing
        "{{ offer | append: first_name }}",
        "{{ nickname | default: first_name }}",
        "{% if first_name or offer %}{{ first_name }}{% endif %}",
        "{% if first_name != 'Bob' %}{{ first_name }}{% endif %}",
        "{% if first_name %}x{% else %}{{ first_name }}{% endif %}",
        "{% if first_name %}x{% endif %}{{ first_name }}",
        "{% unless first_name %}{{ first_name }}{% endunless %}",
        "{% if first_name contains 'A' %}x{% endif %}",
        "{% for p in products %}{% if p.size %}{% for q in products %}{{ q.size }}{% endfor %}{% endif %}{% endfor %}",
    ],
)
def test_a_fact_that_may_be_missing_needs_a_way_out(source):
    with pytest.raises(TemplateRefused, match="may be missing") as refused:
        check(compile_template(source), required=REQUIRED, optional=OPTIONAL | {"nickname"})
    assert refused.value.remedy == 'Add | default: "..." or put it inside {% if %}.'


@pytest.mark.parametrize(
    ("source", "reason", "remedy"),
    [
        ("{{ frist_name }}", "frist_name is not a fact of this message.", "Use first_name."),
        ("{% if frist_name %}x{% endif %}", "frist_name is not a fact of this message.", "Use first_name."),
        ("{{ products.title }}", "products.title is not a fact of this message.", None),
        ("{% for p in product %}{% endfor %}", "product is not a list.", "Use products."),
        ("{% for p in offer %}{% endfor %}", "offer is not a list.", "Use products."),
        ("{{ products }}", "products is not one fact but several.", None),
        ("{% for p in products %}{{ p }}{% endfor %}", "products[] is not one fact but several.", None),
        ("{{ first_name.__class__ }}", "first_name.__class__ is not a fact of this message.", None),
        ("{{ settings.SECRET_KEY }}", "settings.SECRET_KEY is not a fact of this message.", None),
        ("{% if true %}{{ now }}{% endif %}", "now is not a fact of this message.", None),
    ],
)
def test_an_unknown_fact_is_named(source, reason, remedy):
    with pytest.raises(TemplateRefused) as refused:
        check(compile_template(source), required=REQUIRED, optional=OPTIONAL)
    assert refused.value.reason == reason
    assert remedy is None or refused.value.remedy == remedy


def test_all_that_is_wrong_is_told_at_once():
    with pytest.raises(TemplateRefused) as refused:
        check(compile_template("{{ a }}\n{{ offer }}\n{{ first_name }}"), required=REQUIRED, optional=OPTIONAL)
    told = [refused.value, *refused.value.others]
    assert [(each.line, each.reason) for each in told] == [
        (1, "a is not a fact of this message."),
        (3, "first_name may be missing."),
    ]


def test_what_passes_the_check_renders_with_and_without_what_may_be_missing():
    source = (
        "Hi {{ first_name | default: 'there' }}, {{ offer }}:"
        "{% for p in products %} {{ p.title }}{% if p.size %} {{ p.size }}{% endif %}{% endfor %}"
    )
    template = compile_template(source)
    check(template, required=REQUIRED, optional=OPTIONAL)
    assert render(template, FACTS) == "Hi Ada, 20 % off: Green tea 12 OZ Bread & butter"
    bare = {"offer": "x", "products": [{"title": "T", "price": "1", "url": "u"}]}
    assert render(template, bare) == "Hi there, x: T"


# --- what is refused


@pytest.mark.parametrize(
    ("source", "line", "reason"),
    [
        ("a\nb {% include 'x' %}", 2, "The tag include is not allowed."),
        ("\n\n{{ x", 3, "A tag is not closed within 500 characters."),
        ("{{ x | base64_decode }}", 1, "The filter base64_decode is not allowed."),
        ("{% if a %}\nx", 2, "The tag was not understood: expected tag endif, found end of expression."),
        ("{% if a %}x{% else %}y{% else %}z{% endif %}", 1, None),
        ("{% for a in b %}x{% else %}y{% else %}z{% endfor %}", 1, None),
        ("{{ a {{ b }} }}", 1, "A tag is opened inside another."),
        ("{{ a b }}", 1, None),
        ("{{ }}", 1, None),
        ("{{ x | truncate: 1, 2, 3 }}", 1, "The filter truncate takes 0 to 2 arguments."),
        ("{{ x | default }}", 1, "The filter default takes 1 to 1 arguments."),
        ("{{ x | default: 'a', allow_false: true }}", 1, "The filter default takes 1 to 1 arguments."),
        ("{% for p in products limit: n %}{% endfor %}", 1, "The limit of a loop is a plain number."),
        ("{% if x == blank %}{% endif %}", 1, "Ranges and the words blank and empty are not allowed."),
        ("x" * (MAX_SOURCE + 1), 1, "The text is longer than 20000 characters."),
    ],
)
def test_a_refusal_names_line_and_reason(source, line, reason):
    refused = refusal(source)
    assert refused.line == line
    assert reason is None or refused.reason == reason


def test_a_refusal_to_render_never_quotes_a_value():
    for source in ("{% if x < 3 %}{% endif %}", "{{ y | truncate: x }}", "{{ x.y }}", "{{ x | append: z }}"):
        with pytest.raises(RenderRefused) as refused:
            filled(source, {"x": "ada@shop.example", "y": "ada@shop.example"})
        assert "ada" not in str(refused.value)


# --- hostile text

LONG = "a" * 400
CORPUS = [
    # secrets, by every name that other engines know
    "{{ settings.SECRET_KEY }}",
    "{{ settings }}",
    "{{ env }}",
    '{{ env "HOME" }}',
    "{{ environ.HOME }}",
    "{{ request.user.password }}",
    "{{ config.items }}",
    "{{ self }}",
    "{{ self.__dict__ }}",
    "{{ globals }}",
    "{{ context }}",
    "{{ template }}",
    "{{ partial }}",
    "{{ now }}",
    "{{ today }}",
    "{{ 'now' | date: '%s' }}",
    "{% debug %}",
    "{% load static %}",
    "{% csrf_token %}",
    # climbing out of a value
    "{{ first_name.__class__ }}",
    "{{ first_name['__class__'] }}",
    "{{ first_name.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''.__class__.__base__ }}",
    "{{ ''['__class__'] }}",
    "{{ products.__len__ }}",
    "{{ products.append }}",
    "{{ products.first }}",
    "{{ products.last.title }}",
    "{{ products[0] }}",
    "{{ products[-1].title }}",
    "{{ products[first_name] }}",
    "{{ first_name.upper }}",
    "{{ first_name.format }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ lipsum.__globals__ }}",
    "{% for x in ().__class__.__base__.__subclasses__() %}{{ x }}{% endfor %}",
    "{% for k in products[0] %}{{ k }}{% endfor %}",
    "{% for p in products %}{{ p }}{% endfor %}",
    "{% for p in products %}{{ forloop }}{% endfor %}",
    "{% for p in products %}{{ forloop.parentloop }}{% endfor %}",
    "{% for p in products %}{{ forloop.it }}{{ forloop.__class__ }}{% endfor %}",
    "{{ products }}",
    "${7*7}",
    "<%= 7*7 %>",
    "#{7*7}",
    "{{ 7*7 }}",
    "{{ 7 | times: 7 }}",
    "{{ dict }}",
    # other templates, files, code
    "{% include 'x' %}",
    "{% include '/etc/passwd' %}",
    "{% include first_name %}",
    "{% render 'x' %}",
    "{% render '../../etc/passwd' %}",
    "{% extends 'base.html' %}",
    "{% block x %}{% endblock %}",
    "{% import 'os' as os %}",
    "{% python %}import os{% endpython %}",
    "{% layout 'x' %}",
    "{% macro x %}{% endmacro %}",
    "{% call x %}",
    "{% with a: 1 %}{{ a }}{% endwith %}",
    "{% liquid\n include 'x' %}",
    "{% echo settings.SECRET_KEY %}",
    "{% raw %}{{ settings }}{% endraw %}",
    "{% comment %}x{% endcomment %}",
    "{% doc %}x{% enddoc %}",
    "{% # note %}",
    "{%%}",
    "{% %}",
    "{%- -%}",
    # state and reuse
    "{% assign a = settings %}{{ a }}",
    "{% assign first_name = 'Eve' %}{{ first_name }}",
    "{% capture x %}{{ settings }}{% endcapture %}{{ x }}",
    "{% increment x %}",
    "{% decrement x %}",
    "{% cycle 'a', 'b' %}",
    "{% tablerow x in products %}{{ x }}{% endtablerow %}",
    "{% ifchanged %}x{% endifchanged %}",
    "{% case x %}{% when 1 %}y{% endcase %}",
    # work without end
    "{% for i in (1..1000000000) %}x{% endfor %}",
    "{% for i in (1..1000000000) reversed %}x{% endfor %}",
    "{% for i in (1..products.size) %}x{% endfor %}",
    "{{ (1..1000000000) }}",
    "{{ (1..1000000000) | join: ',' }}",
    "{{ (1..1000000000) | size }}",
    "{% if (1..1000000000) contains 5 %}{% endif %}",
    "{% for a in 'x' %}" * 7 + "{{ a }}" + "{% endfor %}" * 7,
    "{% for a in big %}{% for b in big %}{% for c in big %}x{% endfor %}{% endfor %}{% endfor %}",
    "{% for a in big %}{% endfor %}" * 600,
    "{% for a in big %}" + "{% if a contains huge %}{% endif %}" * 500 + "{% endfor %}",
    "{% for a in big %}" + "{{ huge | upcase | truncate: 1, '' }}" * 480 + "{% endfor %}",
    "{% for a in big %}{{ huge }}{% endfor %}",
    "{{ huge }}" * 1_900,
    "{{ huge" + " | append: huge" * 30 + " }}",
    "{{ 'a' | times: 99999999999 }}",
    "{{ 'a' | ljust: 1000000000 }}",
    "{{ 'a' | replace: 'a', 'aaaaaaaaaaaaaaaa' }}",
    "{{ 'x' | repeat: 1000000000 }}",
    "{{ first_name | date: '%1000000000Y' }}",
    "{{ 1 | append: " + "9" * 5_000 + " }}",
    "{{ " + "9" * 450 + " | default: 1 | append: '' }}{{ settings }}",
    # depth
    "{% if first_name %}" * 200 + "x" + "{% endif %}" * 200,
    "{% for p in products %}" * 200 + "x" + "{% endfor %}" * 200,
    "{{ " + "a[" * 200 + "b" + "]" * 200 + " }}",
    "{{ " + "[" * 400 + " }}",
    "{{ " + ".".join("a" * 200) + " }}",
    "{% if " + "(" * 200 + "a" + ")" * 200 + " %}x{% endif %}",
    "{% if not a %}x{% endif %}",
    "{{ 'a' if true else settings }}",
    "{{ 'a' || upcase }}",
    "{{ a" + "|upcase" * 60 + " }}",
    # text that is slow to read
    "{{" + " " * 19_000,
    "{%" + " " * 19_000,
    "{% raw %}" * 2_000,
    "{% comment %}" * 1_500,
    "{% comment %}" + "{% raw %}" * 2_000,
    "{{" * 10_000,
    "{%" * 10_000,
    "{{ a " * 4_000,
    "{{ a" + " " * 480 + "b" + "}}",
    ("{{ '" + " " * 490 + "}}") * 40,
    ("{{" + "'\"" * 240 + "}}") * 40,
    ("{{ (" + "." * 480 + " }}") * 40,
    ("{% if " + "a ." * 150 + " %}") * 40,
    "{{ '" + LONG + "' | " + LONG + " }}",
    "{{ \x00 }}",
    "{{ \u202e }}",
    "{{ ſettings }}",
    "{ { settings } }{{ settings}}",
]


def test_the_corpus_is_as_large_as_promised():
    assert len(set(CORPUS)) == len(CORPUS) >= 60


@pytest.mark.parametrize("html", [False, True], ids=["text", "html"])
@pytest.mark.parametrize("number", range(len(CORPUS)))
def test_hostile_text_is_refused_or_comes_out_empty_or_as_it_went_in(number, html):
    source = CORPUS[number]
    facts = {**FACTS, "big": ["x"] * 400, "huge": "h" * 15_000}
    began = time.thread_time()
    try:
        text = filled(source, facts, html=html)
    except TemplateRefused as refused:
        text = ""
        assert "SECRET" not in refused.reason or "SECRET" in source
    taken = time.thread_time() - began
    # Nothing was computed, looked up or printed: the text is empty, or the very letters that came in.
    assert text.strip("x") in ("", source)
    assert len(text.encode()) <= MAX_OUTPUT
    assert taken < 1
