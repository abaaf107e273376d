"""The palette: every pair of colours that carries text or marks a control reaches WCAG 2.2 AA in both themes."""

import re
from pathlib import Path

import pytest

CSS = (Path(__file__).resolve().parents[2] / "config/static/attune/attune.css").read_text(encoding="utf-8")
TOKENS = {
    name: (light, dark)
    for name, light, dark in re.findall(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", CSS)
}
TEXT = [("ink", ground) for ground in ("page", "surface", "sunken", "accent-soft")]
TEXT += [("muted", ground) for ground in ("page", "surface", "sunken")]
TEXT += [("accent", ground) for ground in ("page", "surface", "sunken", "accent-soft")]
TEXT += [("on-accent", "accent"), ("on-accent", "accent-hover"), ("surface", "bad")]
for tone in ("good", "warn", "bad", "info", "simulated", "neutral"):
    TEXT += [(tone, f"{tone}-soft"), (tone, "surface"), ("ink", f"{tone}-soft"), ("accent", f"{tone}-soft")]
CONTROLS = [("edge", ground) for ground in ("page", "surface", "sunken")]


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb, 0 to 1 (WCAG 2.2, "relative luminance")."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_of_black_on_white_is_21():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("pairs", "least"), [(TEXT, 4.5), (CONTROLS, 3.0)], ids=["text", "controls"])
def test_pairs_reach_aa(theme, pairs, least):
    ratios = {pair: contrast(TOKENS[pair[0]][theme], TOKENS[pair[1]][theme]) for pair in pairs}
    assert {pair: round(ratio, 2) for pair, ratio in ratios.items() if ratio < least} == {}


def test_old_browsers_get_the_light_palette():
    fallback = CSS.split("@supports not", 1)[1].split("}", 1)[0]
    assert {name: light for name, (light, _) in TOKENS.items()} == dict(
        re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", fallback)
    )


def test_nothing_is_fetched():
    assert "url(" not in CSS.replace("no url():", "") and "@import" not in CSS
