"""Accessibility: axe's findings on every page in both themes, and the pages by keyboard."""

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import House

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Any]
TABS = (
    "Knowledge",
    "Gaps",
    "Models",
    "Data",
    "Offers",
    "Quality",
    "People",
    "Connections",
    "Activity",
    "Settings",
)


# two frames on, the new colours have begun to come; a colour on its way would be judged as if it stayed
SETTLED = """async () => {
  for (let n = 0; n < 2; n++) await new Promise(requestAnimationFrame);
  await Promise.allSettled(document.getAnimations().filter((a) => a instanceof CSSTransition).map((a) => a.finished));
}"""


def findings(page: Any) -> list[str]:
    """What axe calls serious or critical, one line each, with where it is: all of it in the light theme, and in the
    dark one what depends on colours."""
    from axe_playwright_python.sync_playwright import Axe

    def serious(theme: str, **options: Any) -> list[str]:
        found = Axe().run(page, options=options).response["violations"]
        return [
            f"{theme} {v['impact']} {v['id']}: {node['target']} {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
            for v in found
            if v["impact"] in ("serious", "critical")
            for node in v["nodes"][:4]
        ]

    def dark(on: bool) -> None:
        page.emulate_media(color_scheme="dark" if on else "light", reduced_motion="reduce")
        page.evaluate("on => document.body.classList.toggle('dark', on)", on)
        page.evaluate(SETTLED)

    lines = serious("light")
    dark(True)
    lines += serious("dark", runOnly=["color-contrast"])
    dark(False)
    return lines


def test_no_page_has_serious_findings(house: House, open_page: OpenPage) -> None:
    found: dict[str, list[str]] = {}
    for path in ("/", "/sign-in", "/shop", "/source?of=record:LB-101"):
        found[path] = findings(open_page(path))
    for path, ask in (("/customer", "Can I return it?"), ("/zh/customer", "可以退货吗？")):
        page = open_page(path)
        page.wait_for_selector("#chat .placeholder")
        found[f"{path} empty"] = findings(page)
        page.fill("#box textarea", ask)
        page.press("#box textarea", "Enter")
        page.click("#chat details summary")
        found[path] = findings(page)
    page = open_page("/widget?language=zh")
    page.fill("#box", "可以退货吗？")
    page.press("#box", "Enter")
    page.click("#log summary")
    found["/widget"] = findings(page)
    page = open_page("/shop")
    page.click("button[aria-label='Open chat']")
    page.frame_locator("iframe").locator(".quick button").first.wait_for()
    found["/shop with the widget"] = findings(page)
    page = open_page("/agent", user="marieke")
    page.click("#found label:has-text('Ann Byrne')")
    page.wait_for_selector("#timeline li")
    page.wait_for_selector("#advice .card")
    found["/agent"] = findings(page)
    page.click("button[role=tab]:has-text('Line of hand-offs')")
    page.wait_for_selector("#line")
    found["/agent line"] = findings(page)
    page.goto(house.base + "/password")
    found["/password"] = findings(page)
    page = open_page("/admin", user="admin")
    page.wait_for_selector("#articles table")
    for tab in TABS:
        page.click(f"button[role=tab]:has-text('{tab}')")
        page.evaluate(SETTLED)
        found[f"/admin {tab}"] = findings(page)
    assert not {path: lines for path, lines in found.items() if lines}
