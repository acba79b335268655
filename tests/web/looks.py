"""What is wrong with the look of a page in a browser: cut off, too small to tap, or not for everybody."""

import json
from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import Page

AXE = Path(__file__).parent / "vendor" / "axe-core-4.14.1" / "axe.min.js"
_RULES: Final = {
    "light": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "dark": ["color-contrast"],
}
CUT_OFF = """() => [...document.querySelectorAll('body *')]
  .filter(e => !e.closest('.scroll, .tabs, .sorter, pre, dialog, svg, .visually-hidden, thead, [hidden]'))
  .filter(e => !e.classList.contains('visually-hidden') && !e.classList.contains('skip'))
  .filter(e => getComputedStyle(e).clipPath === 'none')
  .filter(e => { const b = e.getBoundingClientRect(); return b.width > 1 && (b.right > innerWidth + 1 || b.left < -1) })
  .map(e => `${e.tagName}.${e.className}`).slice(0, 5)"""

SMALL_TARGETS = """() => [...document.querySelectorAll('a, button, select, summary, input:not([type=hidden])')]
  .filter(e => e.checkVisibility({visibilityProperty: true}) && !e.closest('video, .skip'))
  .filter(e => !(e.tagName === 'A' && getComputedStyle(e).display === 'inline'))
  .filter(e => !(['radio', 'checkbox'].includes(e.type) && e.closest('label')?.offsetHeight >= 44))
  .map(e => [e.tagName + '.' + e.className, e.getBoundingClientRect()])
  .filter(([, b]) => b.height < 43.5 || b.width < 43.5)
  .map(([name, b]) => `${name} ${Math.round(b.width)}x${Math.round(b.height)}`)"""


def find_violations(tab: Page, *schemes: Literal["light", "dark"]) -> dict[str, str]:
    """Return what axe finds on the open page with everything on it unfolded: the rule, and the first places."""
    tab.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true })")
    tab.evaluate(AXE.read_text())
    found = {}
    for scheme in schemes or ("light",):
        tab.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        result = tab.evaluate(
            "rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']})", _RULES[scheme]
        )
        found |= {
            f"{violation['id']} ({scheme})": json.dumps([node["target"] for node in violation["nodes"]][:3])
            for violation in result["violations"]
        }
    return found
