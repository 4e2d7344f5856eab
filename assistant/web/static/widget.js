/* The chat on any page:
     <script src="https://assistant.example/widget.js" data-token-url="/chat-token" defer></script>
   Attributes, all optional: data-token (a signed customer token), data-token-url (an address of your own site that
   answers with one as text), data-language (en | zh), data-theme (light | dark), data-side (left | right),
   data-open (present: opened at once). From your own script: window.crmAssistant.open() and .close(). */
(() => {
  const script = document.currentScript;
  if (!script || window.crmAssistant) return;
  const home = new URL(script.src).origin;
  const set = script.dataset;
  const wanted = (set.language || document.documentElement.lang || navigator.language || "en").toLowerCase();
  const zh = wanted.startsWith("zh");
  const say = zh
    ? { open: "打开聊天", close: "关闭聊天", title: "聊天窗口", unread: "条新消息" }
    : { open: "Open chat", close: "Close chat", title: "Chat", unread: "new messages" };

  const host = document.createElement("div");
  const root = host.attachShadow({ mode: "open" });
  const side = set.side === "left" ? "left" : "right";
  const sheet = new CSSStyleSheet();  // not a <style>: a strict content policy of the page would refuse that
  sheet.replaceSync(`
    :host { all: initial; }
    button { position: fixed; ${side}: 20px; bottom: 20px; width: 60px; height: 60px; border: 0; border-radius: 50%; padding: 0;
      background: var(--accent, #0f6b5c); color: var(--ink, #fff); cursor: pointer; z-index: 2147483000;
      box-shadow: 0 6px 22px rgb(0 0 0 / .22); display: grid; place-items: center; transition: transform .15s; }
    button:hover { transform: scale(1.05); }
    button:focus-visible { outline: 3px solid var(--accent, #0f6b5c); outline-offset: 3px; }
    svg { width: 27px; height: 27px; fill: none; stroke: currentColor; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
    .count { position: absolute; top: -3px; right: -3px; min-width: 21px; height: 21px; border-radius: 11px; background: #b3261e; color: #fff;
      font: 600 12px/21px system-ui, sans-serif; padding: 0 5px; box-sizing: border-box; text-align: center; }
    .count[hidden], iframe[hidden] { display: none; }
    iframe { position: fixed; ${side}: 20px; bottom: 92px; width: 390px; height: min(640px, calc(100dvh - 112px)); border: 0;
      border-radius: 16px; z-index: 2147483001; box-shadow: 0 12px 44px rgb(0 0 0 / .24), 0 0 0 1px rgb(128 128 128 / .28); background: transparent; color-scheme: normal; }
    [aria-expanded="true"] .talk, [aria-expanded="false"] .shut { display: none; }
    @media (max-width: 480px) { iframe { inset: 0; width: 100%; height: 100%; border-radius: 0; } }
    @media (prefers-reduced-motion: reduce) { button { transition: none; } }
  `);
  root.adoptedStyleSheets = [sheet];
  root.innerHTML = `<button type="button" aria-haspopup="dialog" aria-expanded="false"><svg viewBox="0 0 24 24" aria-hidden="true"><path class="talk"
    d="M20.5 11.5a8 8 0 0 1-8 8h-9l1.6-3.2a8 8 0 1 1 15.4-4.8z"/><path class="shut" d="M6 9l6 6 6-6"/></svg><span class="count" hidden></span></button>`;
  const button = root.querySelector("button");
  const count = root.querySelector(".count");
  button.setAttribute("aria-label", say.open);
  let frame = null, isOpen = false;

  async function token() {
    if (set.tokenUrl) {
      const answer = await fetch(set.tokenUrl, { credentials: "same-origin", cache: "no-store" });
      return answer.ok ? (await answer.text()).trim() : "";
    }
    return set.token || "";
  }
  const tell = (message) => frame && frame.contentWindow && frame.contentWindow.postMessage(message, home);
  const sendToken = async (again) => {
    let value = "";
    try { value = again && !set.tokenUrl ? "" : await token(); } catch { /* a site that can't say who it is: a visitor */ }
    tell({ crm: "token", token: value });
  };

  function make() {
    frame = document.createElement("iframe");
    frame.title = say.title;
    const asked = new URLSearchParams({ language: zh ? "zh" : "en", theme: set.theme || "" });
    frame.src = `${home}/widget?${asked}`;
    frame.hidden = true;
    root.append(frame);
  }
  function open() {
    if (!frame) make();
    frame.hidden = false;
    isOpen = true;
    button.setAttribute("aria-expanded", "true");
    button.setAttribute("aria-label", say.close);
    unread(0);
    frame.focus();
    tell({ crm: "opened" });
  }
  function close() {
    if (!frame || !isOpen) return;
    frame.hidden = true;
    isOpen = false;
    button.setAttribute("aria-expanded", "false");
    button.setAttribute("aria-label", say.open);
    tell({ crm: "closed" });
    button.focus();
  }
  function unread(n) {
    count.hidden = !n || isOpen;
    count.textContent = n > 9 ? "9+" : String(n || "");
    if (!isOpen) button.setAttribute("aria-label", n ? `${say.open}, ${n} ${say.unread}` : say.open);
  }
  addEventListener("message", (event) => {
    if (event.origin !== home || !frame || event.source !== frame.contentWindow) return;
    const said = event.data || {};
    if (said.crm === "ready") { sendToken(false); if (isOpen) tell({ crm: "opened" }); }
    if (said.crm === "expired") sendToken(true);
    if (said.crm === "close") close();
    if (said.crm === "unread") unread(said.n);
    if (said.crm === "look") {
      button.style.setProperty("--accent", said.accent);
      button.style.setProperty("--ink", said.ink);
    }
  });
  button.addEventListener("click", () => (isOpen ? close() : open()));
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && isOpen) close(); });
  const start = () => { document.body.append(host); make(); if ("open" in set) open(); };
  if (document.body) start(); else addEventListener("DOMContentLoaded", start);
  window.crmAssistant = { open, close };
})();
