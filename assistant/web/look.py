"""How the pages look: one theme and one style sheet for Gradio's pages, and a frame for the plain ones.

Fonts are the system's; nothing is fetched from anywhere.
"""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

COLOURS = """
:root { --c-page:#f7f7f5; --c-card:#ffffff; --c-line:#e5e4e0; --c-field:#cbcac5; --c-text:#1c1d1f; --c-soft:#65676d; --c-accent:#0f6b5c;
  --c-accent-soft:#e3f1ee; --c-mine:#0f6b5c; --c-mine-text:#ffffff; --c-good:#1d7a4a; --c-warn:#a15c07; --c-bad:#b3372f;
  --c-good-soft:#e3f3ea; --c-warn-soft:#fbf0dd; --c-bad-soft:#fbe6e4; --c-shadow:0 1px 2px rgb(20 20 20 / .05); color-scheme: light; }
.dark { --c-page:#121315; --c-card:#1a1b1e; --c-line:#2e3035; --c-field:#4a4d54; --c-text:#ececec; --c-soft:#a0a3aa; --c-accent:#4cc2ac;
  --c-accent-soft:#17302c; --c-mine:#1d5c51; --c-mine-text:#f2f7f6; --c-good:#5cc98d; --c-warn:#e2a650; --c-bad:#f08a82;
  --c-good-soft:#17301f; --c-warn-soft:#33270f; --c-bad-soft:#3a1d1a; --c-shadow:none; color-scheme: dark; }
"""

_SHARED = """
.bar { display:flex; align-items:center; gap:.75rem; flex-wrap:wrap; }
.bar .name { font-weight:650; font-size:1.05rem; letter-spacing:-.01em; }
.bar .grow { flex:1; }
.mark { width:1.9rem; height:1.9rem; border-radius:.6rem; background:var(--c-accent); color:var(--c-card); display:grid;
  place-items:center; font-weight:700; flex:none; }
.soft { color:var(--c-soft); } .small { font-size:.84rem; }
.quiet { background:none; border:1px solid var(--c-line); color:var(--c-text); border-radius:.5rem; padding:.3rem .65rem;
  font:inherit; font-size:.84rem; cursor:pointer; text-decoration:none; }
.quiet:hover { border-color:var(--c-accent); color:var(--c-accent); }
.note { background:var(--c-warn-soft); color:var(--c-warn); border-radius:.6rem; padding:.55rem .8rem; font-size:.86rem; }
.note p { margin:0; } .note.good { background:var(--c-good-soft); color:var(--c-good); } .note.bad { background:var(--c-bad-soft); color:var(--c-bad); }
.note.plain { background:var(--c-accent-soft); color:var(--c-text); }
.card { background:var(--c-card); border:1px solid var(--c-line); border-radius:.85rem; padding:1rem 1.1rem; box-shadow:var(--c-shadow); }
:focus-visible { outline:2px solid var(--c-accent); outline-offset:2px; }
"""

CSS = (
    COLOURS
    + _SHARED
    + """
body, gradio-app { background:var(--c-page) !important; }
.gradio-container { color:var(--c-text); max-width:none !important; padding:0 !important; }
.gradio-container .main, .gradio-container > main { padding:0 !important; max-width:none !important; }
.gradio-container .prose, .gradio-container .html-container { color:var(--c-text); }
footer { display:none !important; }
.gradio-container .html-container { padding:0 !important; }
.gradio-container .prose a:not(.quiet):not(.card) { color:var(--c-accent); }
.bar form { margin:0; display:flex; }
.wide { max-width:1280px; width:100%; margin:0 auto !important; padding:1rem 1.25rem 2.5rem; }
.narrow { max-width:760px; width:100%; margin:0 auto !important; padding:.75rem 1rem 1rem; height:100dvh; min-height:26rem;
  flex-wrap:nowrap !important; gap:.55rem !important; }
.narrow #chat { height:auto !important; flex:1 1 0 !important; min-height:0; }
.narrow > .block:not(#chat), .narrow > .row, .narrow > .form { flex:none !important; }
.card h3 { margin:0 0 .6rem; font-size:.95rem; font-weight:650; letter-spacing:-.005em; color:var(--c-text); }
.card h3 .soft { font-weight:400; }
.facts { display:grid; grid-template-columns:repeat(auto-fit,minmax(10.5rem,1fr)); gap:.6rem 1.2rem; margin:0; }
.facts dt { color:var(--c-soft); font-size:.78rem; } .facts dd { margin:0; font-weight:500; overflow-wrap:anywhere; }
.pill { display:inline-block; white-space:nowrap; border-radius:99px; padding:.08rem .6rem; font-size:.78rem; font-weight:550;
  background:var(--c-accent-soft); color:var(--c-accent); }
.pill.low,.pill.good { background:var(--c-good-soft); color:var(--c-good); }
.pill.medium,.pill.warn { background:var(--c-warn-soft); color:var(--c-warn); }
.pill.high,.pill.bad { background:var(--c-bad-soft); color:var(--c-bad); }
.gradio-container ul.plain { margin:.1rem 0 0; padding-left:1.1rem; list-style:disc; }
.empty { color:var(--c-soft); padding:1.2rem .2rem; text-align:center; font-size:.9rem; }
table.plain { width:100%; border-collapse:collapse; font-size:.88rem; }
table.plain, table.plain th, table.plain td, table.plain tr { border:0 !important; background:none !important; }
table.plain tr + tr { border-top:1px solid var(--c-line) !important; }
table.plain th { text-align:left; color:var(--c-soft); font-weight:500; font-size:.78rem; padding:.3rem .5rem; }
table.plain td { padding:.42rem .5rem; vertical-align:top; overflow-wrap:break-word; }
table.plain .short { white-space:nowrap; }
table.plain .n { text-align:right; font-variant-numeric:tabular-nums; }
.scroll { overflow-x:auto; }
.wide .row > button.sm { flex:0 1 auto !important; min-width:8.5rem !important; }
.wide .row:has(> .block > .wrap) { align-items:flex-end; }
#key-revoke, #hook-remove { align-self:flex-end; margin-bottom:.6rem; }
.card pre, .card code, .note code { overflow-wrap:anywhere; } .card pre { white-space:pre; overflow-x:auto; }
.report { color:var(--c-text); margin:.3rem 0 0; padding:0; list-style:none; } .report li { padding:.12rem 0; overflow-wrap:anywhere; }
/* only while there is something to cancel */
#build-cancel, #train-cancel, #import-cancel, #segments-cancel { display:none; }
body:has(#build-progress .meter) #build-cancel, body:has(#train-progress .meter) #train-cancel,
  body:has(#import-report .meter) #import-cancel, body:has(#segments-progress .meter) #segments-cancel { display:flex; }
button.sm.secondary { border:1px solid var(--c-line) !important; }
select.quiet { appearance:auto; -webkit-appearance:auto; background:var(--c-card); padding:.3rem .5rem; min-width:10rem; }
/* chat */
.chat button[aria-label="Clear"], .chat .icon-button-wrapper.top-panel { display:none !important; }
.chat .message, .chat .message .prose, .chat .message-content, .chat .message .md { opacity:1 !important; color:inherit; }
.chat .prose * { color:inherit; }
.chat { border:0 !important; background:transparent !important; box-shadow:none !important; }
.chat.card-like { background:var(--c-card) !important; border:1px solid var(--c-line) !important; border-radius:.85rem !important; }
.chat.card-like .bot.message { background:var(--c-page) !important; } .chat.card-like details .passage { background:var(--c-card); }
.chat .placeholder-content { text-align:center; width:100%; } .chat .placeholder-content h2, .chat .placeholder-content h3 { margin-bottom:.2rem; }
.chat .placeholder-content .examples { justify-content:center; }
.chat .message-wrap, .chat .bubble-wrap { background:transparent !important; }
.chat .message { font-size:.96rem; line-height:1.5; border-radius:1rem !important; box-shadow:none !important; }
.chat .bot.message, .chat .message.bot { background:var(--c-card) !important; border:1px solid var(--c-line) !important; color:var(--c-text) !important; }
.chat .user.message, .chat .message.user { background:var(--c-mine) !important; border:1px solid transparent !important; color:var(--c-mine-text) !important; }
.chat .user.message *, .chat .message.user * { color:var(--c-mine-text) !important; }
.chat .prose p { margin:.15rem 0; }
.chat .from { display:block; font-size:.78rem; color:var(--c-accent); font-weight:600; margin-bottom:.1rem; }
.chat .doing { color:var(--c-soft); font-size:.9rem; }
.chat .doing::before { content:""; display:inline-block; width:.5rem; height:.5rem; border-radius:50%; background:var(--c-accent);
  margin-right:.5rem; animation:beat 1.1s ease-in-out infinite; }
@keyframes beat { 0%,100% { opacity:.25 } 50% { opacity:1 } }
@media (prefers-reduced-motion: reduce) { .chat .doing::before { animation:none } }
.chat sup.cite { color:var(--c-accent); font-weight:600; font-size:.72em; padding:0 .1em; }
.chat .sources { margin-top:.55rem; border-top:1px solid var(--c-line); padding-top:.45rem; display:block; }
.chat details { font-size:.86rem; margin:.2rem 0; border:0; background:none; }
.chat details summary { cursor:pointer; color:var(--c-soft); list-style:none; display:block; padding:.12rem 0; }
.chat details summary::-webkit-details-marker { display:none; }
.chat details summary::before { content:"\\203A"; display:inline-block; width:.9em; transition:transform .15s; color:var(--c-soft); }
.chat details[open] > summary::before { transform:rotate(90deg); }
.chat details summary:hover { color:var(--c-accent); }
.chat details .passage { background:var(--c-page); border-radius:.6rem; padding:.55rem .75rem; margin:.25rem 0 .45rem .9em;
  white-space:pre-wrap; overflow-wrap:anywhere; }
.chat details .passage a { color:var(--c-accent); }
.chat .placeholder, .chat .placeholder-content { color:var(--c-text); }
.state { min-height:1.4rem; font-size:.84rem; color:var(--c-soft); padding:0 .3rem; }
.box { border-radius:.9rem !important; }
.box textarea { font-size:1rem !important; border:0 !important; }
/* reasons */
.reasons { display:grid; grid-template-columns:minmax(9rem,1.3fr) 1fr; gap:.35rem .8rem; align-items:center; font-size:.88rem; }
.reasons .track { position:relative; height:.85rem; background:linear-gradient(var(--c-line),var(--c-line)) left/1px 100% no-repeat; }
.reasons .track.both { background-position:center; }
.reasons .fill { position:absolute; top:0; bottom:0; left:0; border-radius:3px; background:var(--c-bad); }
.reasons .fill.down { background:var(--c-good); } .reasons .both .up { left:50%; } .reasons .both .down { left:auto; right:50%; }
.risk { display:flex; align-items:baseline; gap:.6rem; margin-bottom:.7rem; }
.risk b { font-size:1.9rem; font-weight:650; letter-spacing:-.02em; font-variant-numeric:tabular-nums; }
/* timeline */
.timeline { list-style:none; margin:0; padding:0; max-height:34rem; overflow-y:auto; }
.timeline li { border-left:2px solid var(--c-line); padding:.1rem 0 .8rem .9rem; position:relative; margin-left:.35rem; }
.timeline li::before { content:""; position:absolute; left:-.36rem; top:.45rem; width:.6rem; height:.6rem; border-radius:50%;
  background:var(--c-card); border:2px solid var(--c-accent); }
.timeline li.agent::before { border-color:var(--c-line); }
.timeline .when { color:var(--c-soft); font-size:.8rem; }
.timeline .said { margin:.15rem 0 0; font-size:.9rem; white-space:pre-wrap; overflow-wrap:anywhere; }
.timeline li.marked { background:var(--c-accent-soft); border-radius:0 .5rem .5rem 0; }
.keys { display:flex; flex-wrap:wrap; gap:.35rem 1.2rem; margin:.4rem 0; } .keys div { display:flex; gap:.4rem; } .keys dd { margin:0; }
kbd { border:1px solid var(--c-line); border-radius:.3rem; padding:0 .35rem; background:var(--c-card); font:inherit; font-size:.8rem; }
#keys-help summary { cursor:pointer; width:max-content; margin-left:auto; position:relative; z-index:2; }
#shortcuts:has(details:not([open])) { margin-bottom:-2.35rem; }
button[role=tab][data-count] { display:inline-flex; align-items:center; }
button[role=tab][data-count]::before { content:attr(data-count); order:2; margin-left:.4rem; background:var(--c-warn-soft); color:var(--c-warn); border-radius:99px;
  padding:0 .45rem; font-size:.76rem; font-weight:600; }
.account { align-items:flex-start; }
/* Gradio heads every message "Warning" or "Info", in English on each page */
.toast-title { display:none !important; } .toast-text { color:var(--c-text); }
/* progress */
.steps { display:grid; gap:.5rem; grid-template-columns:minmax(0,1fr); }
.meter { height:.5rem; border-radius:99px; background:var(--c-line); overflow:hidden; }
.meter span { display:block; height:100%; background:var(--c-accent); border-radius:99px; transition:width .3s; }
.meter.unknown span { width:35% !important; animation:slide 1.4s ease-in-out infinite alternate; }
@keyframes slide { from { margin-left:0 } to { margin-left:65% } }
svg.plot { width:100%; height:auto; display:block; } svg.plot text { fill:var(--c-soft); font-size:11px; }
/* a list to choose from and a row of choices: what is chosen has a colour, the round boxes are not needed */
.list input[type=radio], .pick input[type=radio] { position:absolute; opacity:0; width:1px !important; height:1px; margin:0; }
.list label { cursor:pointer; } .list label:has(input[type=radio]) > span, .pick label > span { margin:0 !important; }
.list label:has(input[type=radio]:focus-visible), .pick label:has(input:focus-visible) { outline:2px solid var(--c-accent); outline-offset:-2px; }
.pick .wrap { gap:.25rem !important; } .pick label { border:1px solid var(--c-line) !important; border-radius:99px !important; padding:.22rem .75rem !important;
  background:var(--c-card) !important; box-shadow:none !important; cursor:pointer; font-size:.86rem; }
.pick label.selected, .pick label:has(input:checked) { background:var(--c-accent-soft) !important; color:var(--c-accent); border-color:transparent !important; }
.list .wrap { flex-direction:column; gap:.15rem !important; } .list label { width:100%; border:0 !important; box-shadow:none !important; }
.legend { display:flex; gap:1rem; flex-wrap:wrap; font-size:.82rem; color:var(--c-soft); margin-top:.4rem; }
.legend i { display:inline-block; width:.65rem; height:.65rem; border-radius:3px; margin-right:.35rem; }
.unseen { position:absolute; width:1px; height:1px; overflow:hidden; clip-path:inset(50%); white-space:nowrap; }
.phone { display:none; }
@media (max-width:640px) { .bar { gap:.5rem; } .bar .big { display:none; } .bar .phone { display:inline; } #shortcuts { display:none !important; } .wide { padding:.6rem .7rem 2rem; } .narrow { padding:.5rem .6rem; } .reasons { grid-template-columns:1fr 5.5rem; }
  .card { padding:.8rem .85rem; } .bar .quiet { padding:.3rem .5rem; }
  .narrow .row { gap:.4rem; } .narrow button.sm { padding:.4rem .25rem; }
  .facts { grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr)); } .account > .facts-first { order:-1; }
  table.stack tr:first-child { display:none; } table.stack tr { display:block; padding:.45rem 0; }
  table.stack td { display:grid; grid-template-columns:6.2rem minmax(0,1fr); gap:.6rem; padding:.12rem 0; white-space:normal !important;
    text-align:left !important; overflow-wrap:anywhere; }
  table.stack td::before { content:attr(data-name); color:var(--c-soft); font-size:.78rem; } table.stack td:empty { display:none; }
  table.stack td a, table.stack td .pill { justify-self:start; text-align:left; }
  svg.plot[viewBox^="0 0 1100"] { overflow:visible; } svg.plot[viewBox^="0 0 1100"] text { font-size:22px; } }
"""
)

# remembers the light or dark theme that somebody chose, otherwise the system's is used; and mends what Gradio leaves wrong
# for screen readers: two buttons without a name, a list without items
HEAD = """
<script>
(function () {
  const kept = localStorage.getItem("theme");
  const set = (dark) => document.body.classList.toggle("dark", dark);
  const ready = (run) => document.readyState === "loading" ? document.addEventListener("DOMContentLoaded", run) : run();
  // Gradio sets the system's theme when it has started, so the chosen one is set once more after it
  if (kept) ready(() => { set(kept === "dark"); setTimeout(() => set(kept === "dark"), 800); });
  window.switchTheme = () => { const dark = !document.body.classList.contains("dark"); set(dark); localStorage.setItem("theme", dark ? "dark" : "light"); };
  const zh = location.pathname.startsWith("/zh");
  const names = { "submit-button": zh ? "发送" : "Send", "stop-button": zh ? "停止" : "Stop" };
  const name = () => {
    for (const [kind, said] of Object.entries(names))
      document.querySelectorAll("." + kind + ":not([aria-label])").forEach((b) => b.setAttribute("aria-label", said));
    // its list of examples holds buttons, no list items
    document.querySelectorAll(".examples[role=list]").forEach((e) => e.setAttribute("role", "group"));
    // the page's title is that of its header, which is made anew on every visit, and how many wait for a person
    const titled = document.querySelector("header[data-title]"), waiting = document.querySelector("[data-waiting]");
    const n = waiting ? Number(waiting.dataset.waiting) : 0;
    const title = titled && (n ? `(${n}) ` : "") + titled.dataset.title;
    if (title && document.title !== title) document.title = title;
    const line = document.querySelector("button[role=tab][id*=inbox], button[role=tab][data-tab-id=inbox]");
    if (line && waiting && line.dataset.count !== String(n || "")) {
      if (n) line.dataset.count = n; else delete line.dataset.count;
    }
  };
  ready(() => { name(); new MutationObserver(name).observe(document.body, { childList: true, subtree: true }); });
})();
</script>
"""

_KEYS = """
<script>
(function () {
  const seen = (selector) => [...document.querySelectorAll(selector)].find((e) => e.offsetParent !== null);
  const step = (by) => {
    const all = [...document.querySelectorAll(".list input[type=radio]")].filter((e) => e.closest("label").offsetParent !== null);
    if (!all.length) return;
    const at = all.findIndex((e) => e.checked);
    const next = all[Math.min(all.length - 1, Math.max(0, at < 0 ? 0 : at + by))];
    next.click(); next.focus();
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const on = event.target;
    if (event.key === "Escape" && on.matches("input, textarea")) { on.blur(); return; }
    if (on.matches("input:not([type=radio]):not([type=checkbox]), textarea, select, [contenteditable]")) return;
    const row = [...document.querySelectorAll("[data-key]")].find((e) => e.dataset.key === event.key);
    if (!row) return;
    event.preventDefault();
    if (event.key === "j" || event.key === "k") { step(event.key === "j" ? 1 : -1); return; }
    const [selector, text] = row.dataset.to.split(" >> ");
    const found = text ? [...document.querySelectorAll(selector)].find((e) => e.offsetParent && e.innerText.startsWith(text)) : seen(selector);
    if (!found) return;
    if (found.matches("details")) { found.open = !found.open; found.querySelector("summary").focus(); }
    else if (found.matches("input, textarea")) found.focus();
    else found.click();
  });
})();
</script>
"""
# a citation of something said leads to it in the timeline where that is on the page, else to its own page
_JUMP = """
<script>
(function () {
  const show = (item) => {
    document.querySelectorAll(".timeline li.marked").forEach((e) => e.classList.toggle("marked", e === item));
    item.classList.add("marked");
    item.scrollIntoView({ block: "center" });
    item.focus({ preventScroll: true });
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href*='/source?of=interaction']");
    const of = link && new URL(link.href).searchParams.get("of");
    const item = of && document.getElementById(of.split("#")[0].replace("interaction:", ""));
    if (item) { event.preventDefault(); show(item); }
  });
  window.showMarked = () => { const item = document.querySelector(".timeline li.marked"); if (item) show(item); };
})();
</script>
"""
HEAD += _KEYS + _JUMP


def shortcuts(keys: Sequence[tuple[str, str, str]]) -> str:
    """What the keys of a page do, as a list that opens; the page's script reads from it what to press."""
    rows = "".join(
        f'<div data-key="{escape(key)}" data-to="{escape(to)}"><dt><kbd>{escape(key)}</kbd></dt><dd>{escape(does)}</dd></div>'
        for key, does, to in keys
    )
    return f'<details id="keys-help" class="small"><summary class="soft">Keys</summary><dl class="keys">{rows}</dl></details>'


# the theme that was chosen on another page holds on the plain ones, too
_PLAIN_THEME = """<script>(() => {
  const root = document.documentElement;
  const set = (name) => { root.classList.toggle("dark", name === "dark"); root.classList.toggle("light", name === "light"); };
  try { const kept = localStorage.getItem("theme"); if (kept) set(kept); } catch { /* storage is closed: the system's */ }
  window.switchTheme = () => {
    const dark = root.classList.contains("dark") || (!root.classList.contains("light") && matchMedia("(prefers-color-scheme: dark)").matches);
    set(dark ? "light" : "dark");
    try { localStorage.setItem("theme", dark ? "light" : "dark"); } catch { /* for this page only */ }
  };
})();</script>"""
_PLAIN = """
* { box-sizing:border-box; } body { margin:0; background:var(--c-page); color:var(--c-text); line-height:1.55;
  font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Noto Sans SC","PingFang SC","Microsoft YaHei",sans-serif; }
main { max-width:720px; margin:0 auto; padding:2.2rem 1.1rem; } h1 { font-size:1.5rem; letter-spacing:-.02em; margin:.2rem 0 .4rem; }
.bar + h1 { margin-top:1.2rem; } h2 { font-size:1.12rem; } a { color:var(--c-accent); } .doors { display:grid; gap:.8rem; margin-top:1.4rem; }
a.card { display:block; text-decoration:none; color:inherit; } a.card:hover { border-color:var(--c-accent); } a.card b { font-size:1.02rem; }
form.card { max-width:24rem; margin:1.2rem auto; display:grid; gap:.8rem; } label { display:grid; gap:.25rem; font-size:.88rem; }
label.who { display:flex; align-items:center; gap:.5rem; } .bar + .card, .bar + article { margin-top:1.4rem; } .card.middle { max-width:30rem; margin:3rem auto; } .bar h1 { margin:0; }
input { font:inherit; padding:.55rem .7rem; border:1px solid var(--c-field); border-radius:.55rem; background:var(--c-page); color:inherit; }
button.go { font:inherit; font-weight:600; padding:.6rem; border:0; border-radius:.55rem; background:var(--c-accent); color:var(--c-card); cursor:pointer; }
article { overflow-wrap:anywhere; } article table { border-collapse:collapse; } article td, article th { border:1px solid var(--c-line); padding:.3rem .6rem; }
pre { white-space:pre-wrap; }
"""


def theme() -> Any:
    """The theme of Gradio's own components, from the same colours."""
    import gradio as gr

    fonts = [
        "system-ui",
        "-apple-system",
        "Segoe UI",
        "Roboto",
        "Noto Sans",
        "Noto Sans SC",
        "PingFang SC",
        "sans-serif",
    ]
    mono = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]
    return gr.themes.Base(
        primary_hue=gr.themes.colors.teal,
        neutral_hue=gr.themes.colors.stone,
        radius_size=gr.themes.sizes.radius_lg,
        font=fonts,
        font_mono=mono,
    ).set(
        **{
            f"{name}{dark}": value
            for dark in ("", "_dark")
            for name, value in {
                "body_background_fill": "var(--c-page)",
                "body_text_color": "var(--c-text)",
                "body_text_color_subdued": "var(--c-soft)",
                "background_fill_primary": "var(--c-card)",
                "background_fill_secondary": "var(--c-page)",
                "border_color_primary": "var(--c-line)",
                "block_background_fill": "var(--c-card)",
                "block_border_color": "var(--c-line)",
                "block_label_background_fill": "var(--c-card)",
                "block_label_text_color": "var(--c-soft)",
                "block_title_text_color": "var(--c-text)",
                "input_background_fill": "var(--c-card)",
                "input_border_color": "var(--c-field)",
                "input_border_width": "1px",
                "input_border_color_focus": "var(--c-accent)",
                "input_placeholder_color": "var(--c-soft)",
                "button_primary_background_fill": "var(--c-accent)",
                "button_primary_background_fill_hover": "var(--c-accent)",
                "button_primary_text_color": "var(--c-card)",
                "button_secondary_background_fill": "var(--c-card)",
                "button_secondary_background_fill_hover": "var(--c-accent-soft)",
                "button_secondary_border_color": "var(--c-line)",
                "button_secondary_text_color": "var(--c-text)",
                "checkbox_background_color_selected": "var(--c-accent)",
                "checkbox_border_color_selected": "var(--c-accent)",
                "checkbox_border_color_focus": "var(--c-accent)",
                "checkbox_label_background_fill": "transparent",
                "checkbox_label_background_fill_hover": "var(--c-accent-soft)",
                "checkbox_label_background_fill_selected": "var(--c-accent-soft)",
                "checkbox_label_text_color_selected": "var(--c-text)",
                "link_text_color": "var(--c-accent)",
                "link_text_color_hover": "var(--c-accent)",
                "color_accent_soft": "var(--c-accent-soft)",
                "table_even_background_fill": "var(--c-card)",
                "table_odd_background_fill": "var(--c-page)",
                "panel_background_fill": "var(--c-page)",
            }.items()
        },
        color_accent="var(--c-accent)",
        checkbox_border_radius="4px",
        block_shadow="none",
        block_radius="0.85rem",
        block_border_width="1px",
        button_large_text_weight="550",
    )


def plain_page(title: str, body: str, *, language: str = "en", company: str = "") -> str:
    """A whole HTML page without Gradio; ``body`` is HTML. With a company's name, its bar is at the top."""
    light, dark = COLOURS.split(".dark {")
    colours = (
        f"{light}@media (prefers-color-scheme: dark) {{ :root:not(.light) {{{dark}}}\n:root.dark {{{dark}"
    )
    bar = header(company, "", titled=False) if company else ""
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><meta name="viewport"'
        f' content="width=device-width, initial-scale=1"><title>{escape(title)}</title>'
        f"<style>{colours}{_SHARED}{_PLAIN}</style>{_PLAIN_THEME}</head><body><main>{bar}{body}</main></body></html>"
    )


def error_page(problem: Mapping[str, Any]) -> str:
    """What went wrong (as RFC 9457 names it) as a page for people, with a way on."""
    status, title = problem.get("status"), str(problem.get("title") or "It did not work.")
    detail = f"<p>{escape(str(problem['detail']))}</p>" if problem.get("detail") else ""
    other = '<a class="quiet" href="/sign-in">Sign in as somebody else</a>' if status == 403 else ""
    return plain_page(
        title,
        f'<div class="card middle"><p class="soft small">{escape(str(status or ""))}</p><h1>{escape(title)}</h1>{detail}'
        f'<p class="bar"><a class="quiet" href="/">To the start page</a>{other}</p></div>',
    )


def header(company: str, title: str, right: str = "", *, titled: bool = True) -> str:
    """The bar at the top of a page; ``right`` is HTML. ``titled``: the browser's tab is called after it."""
    mark = escape(company[:1].upper() or "?")
    named = f' data-title="{escape(f"{company} · {title}")}"' if titled else ""
    return (
        f'<header class="bar"{named}><span class="mark" aria-hidden="true">{mark}</span><span><span class="name">'
        f'{escape(company)}</span> <span class="soft">{escape(title)}</span></span><span class="grow"></span>{right}'
        '<button class="quiet" type="button" onclick="switchTheme()" aria-label="Light or dark" title="Light or dark">'
        "◐</button></header>"
    )


def warn(text: str, *, title: str = "Please note") -> None:
    """A message that comes up and goes: something did not work. What it says is text, not markup."""
    import gradio as gr

    gr.Warning(escape(text, quote=False), title=title)


def inform(text: str, *, title: str = "Done", seconds: float = 6) -> None:
    """A message that comes up and goes: something is done."""
    import gradio as gr

    gr.Info(escape(text, quote=False), title=title, duration=seconds)
