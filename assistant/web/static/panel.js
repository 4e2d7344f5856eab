/* The panel inside the widget's frame. It speaks to /v1 with the token that the embedding page hands over; it sets no
   cookie and keeps nothing but the conversation's id, so that it works where browsers refuse cookies in frames. */
(() => {
  const words = JSON.parse(document.getElementById("words").textContent);
  const $ = (id) => document.getElementById(id);
  const log = $("log"), state = $("state"), box = $("box"), send = $("send"), stop = $("stop"), spoken = $("spoken");
  const root = document.documentElement;
  let token = "", conversation = "", running = null, held = false, lastMessage = 0, shownUnread = 0, opened = true, ready = false;
  let renewed = null, signedIn = "";

  function keep(id) {  // one per person: whoever signs in after somebody else begins afresh
    let who = "";
    try { who = JSON.parse(atob(token.split(".")[0].replace(/-/g, "+").replace(/_/g, "/"))).customer; } catch { /* a visitor */ }
    const name = `crm-conversation:${who}`;
    try {
      if (id === null) localStorage.removeItem(name);
      else if (id) localStorage.setItem(name, id);
      return localStorage.getItem(name) || "";
    } catch { return id || ""; }  // storage may be closed in a frame: the conversation then ends with the page
  }
  const inside = window.parent !== window;
  const tell = (message) => inside && window.parent.postMessage(message, "*");  // says nothing private: only who may embed us hears it

  // -- the API ------------------------------------------------------------------------------------------------------
  async function call(method, path, body, signal, again = true) {
    const headers = { "content-type": "application/json" };
    if (token) headers.authorization = `Bearer ${token}`;
    const answer = await fetch(`/v1${path}`, { method, headers, signal, body: body ? JSON.stringify(body) : undefined, cache: "no-store" });
    if (answer.status === 401 && token && again && inside) {
      token = await new Promise((resolve) => {  // too old: the embedding page may have a new one
        renewed = resolve;
        setTimeout(() => resolve(""), 5000);
        tell({ crm: "expired" });
      });
      renewed = null;
      if (token) return call(method, path, body, signal, false);
    }
    if (!answer.ok) {
      const problem = await answer.json().catch(() => ({}));
      const after = Number(answer.headers.get("retry-after")) || 60;
      throw Object.assign(new Error(problem.title || words.failed), { status: answer.status, after });
    }
    return answer;
  }

  // -- drawing ------------------------------------------------------------------------------------------------------
  function make(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else made.setAttribute(name, value);
    }
    made.append(...children);
    return made;
  }
  const icon = (d) => {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", d);
    svg.append(path);
    return svg;
  };
  function cited(text) {  // text with its [1] raised; nothing in it is markup
    const p = make("p");
    let at = 0;
    for (const found of text.matchAll(/\s*\[(\d{1,2})\]/g)) {
      p.append(text.slice(at, found.index), make("sup", {}, found[1]));
      at = found.index + found[0].length;
    }
    p.append(text.slice(at));
    return p;
  }
  function add(sort, ...children) {
    const made = make("div", { class: `message ${sort}` }, ...children);
    log.append(made);
    log.scrollTop = log.scrollHeight;
    return made;
  }
  const mine = (text) => add("mine", make("span", { class: "unseen" }, `${words.you}: `), make("p", {}, text));
  function sourcesOf(list) {
    return list.map((source) => {
      const cut = source.text.indexOf("\n");
      const headed = ["article", "interaction"].includes(source.kind) && cut > 0 && cut < 160;
      const passage = make("div", { class: "passage" }, headed ? source.text.slice(cut + 1).trim() : source.text);
      if (source.kind === "article")
        passage.append(make("br"), make("a", { href: `/source?of=${encodeURIComponent(source.id)}`, target: "_blank", rel: "noopener" }, words.whole));
      return make("details", {}, make("summary", {}, `${source.n}  ${headed ? source.text.slice(0, cut) : source.source} · ${words.kinds[source.kind] || source.kind}`), passage);
    });
  }
  const UP = "M7 11v9H4v-9zM7 11l4-8a2 2 0 0 1 3 2l-1 5h5.5a2 2 0 0 1 2 2.4l-1.3 6A2 2 0 0 1 17.2 20H7";
  const DOWN = "M17 13V4h3v9zM17 13l-4 8a2 2 0 0 1-3-2l1-5H5.5a2 2 0 0 1-2-2.4l1.3-6A2 2 0 0 1 6.8 4H17";
  function rating(turn, given) {
    const row = make("div", { class: "rate" });
    const buttons = [[1, words.helpful, UP], [-1, words.not_helpful, DOWN]].map(([value, name, shape]) => {
      const button = make("button", { class: "icon", type: "button", "aria-label": name, title: name, "aria-pressed": String(given === value),
        onclick: () => rate(value) }, icon(shape));
      row.append(button);
      return [value, button];
    });
    async function rate(value, comment) {
      try { await call("PUT", `/turns/${turn}/rating`, { rating: value, comment: comment || null }); } catch { return; }
      for (const [own, button] of buttons) button.setAttribute("aria-pressed", String(own === value));
      row.querySelectorAll(".more").forEach((x) => x.remove());
      if (value === -1 && comment === undefined) {
        const why = make("input", { class: "more", "aria-label": words.comment, placeholder: words.comment, maxlength: 2000 });
        const done = make("button", { class: "more plain", type: "button", onclick: () => rate(-1, why.value) }, words.send);
        why.addEventListener("keydown", (event) => { if (event.key === "Enter" && !event.isComposing) rate(-1, why.value); });
        row.append(why, done);
        why.focus();
        row.parentElement.scrollIntoView({ block: "end" });
      } else row.append(make("span", { class: "more note", role: "status" }, value === 1 ? words.thanks : words.sorry));
    }
    return row;
  }
  function theirs(text, sources, turn, given) {
    const made = add("theirs", make("span", { class: "unseen" }, `${words.assistant}: `), cited(text), ...sourcesOf(sources));
    if (turn) made.append(rating(turn, given));
    return made;
  }
  const person = (text) => add("theirs", make("div", { class: "from" }, words.colleague), make("p", {}, text));
  function empty() {
    log.replaceChildren(make("div", { class: "message theirs" }, make("p", {}, words.greeting)));
    const quick = make("div", { class: "quick", role: "group", "aria-label": words.quick });
    for (const text of token ? words.signed_examples : words.examples)
      quick.append(make("button", { type: "button", onclick: () => ask(text) }, text));
    log.append(quick);
  }

  // -- who one is, and what one may answer now -------------------------------------------------------------------------
  function said(error) {
    return { 401: words.expired, 403: words.mail_sign_in, 429: words.too_often.replace("{n}", error.after), 503: words.busy }[error.status] || words.failed;
  }
  function standing(found) {
    signedIn = found.signed_in || "";
    $("who").textContent = signedIn && words.signed_in.replace("{name}", signedIn);
    $("sign-in").hidden = Boolean(token || signedIn || held);
    $("person").hidden = held;  // one waits or speaks with somebody already
    log.querySelectorAll(".now").forEach((x) => x.remove());
    if (found.code_sent)
      form({ label: words.code, inputmode: "numeric", autocomplete: "one-time-code", maxlength: 7, pattern: "\\s*\\d{3}[ \\-]?\\d{3}\\s*", go: words.send });
    const quick = [...(found.quick || []).map((name) => [words[name], () => ask(words[name])]),
      ...(found.outcome === "unknown" && !held ? [[words.person, forPerson]] : [])];
    if (quick.length) {
      const row = make("div", { class: "quick now", role: "group", "aria-label": words.quick });
      for (const [text, go] of quick) row.append(make("button", { type: "button", onclick: go }, text));
      log.append(row);
      log.scrollTop = log.scrollHeight;
    }
  }
  function form({ label, go, ...more }) {  // one field in the conversation; what is typed is said as a message
    log.querySelectorAll(".now").forEach((x) => x.remove());
    const input = make("input", { required: "", ...more });
    const made = make("form", { class: "ask" }, make("label", {}, label, input), make("button", { type: "submit" }, go));
    made.addEventListener("submit", (event) => { event.preventDefault(); ask(input.value); });
    add("theirs now", made);
    if (opened) input.focus();
  }

  // -- the conversation -----------------------------------------------------------------------------------------------
  async function load() {
    ready = true;
    conversation = keep();
    empty();
    standing({});
    if (!conversation) return;
    try {
      const found = await (await call("GET", `/conversations/${conversation}`)).json();
      const rows = [
        ...found.turns.flatMap((turn) => [
          [turn.at, 0, () => mine(turn.message)],
          ...(turn.answer ? [[turn.at, 0, () => theirs(turn.answer, turn.sources, turn.turn, turn.rating)]] : []),
        ]),
        ...found.messages.map((m) => [m.at, 1, () => (m.author === "customer" ? mine : person)(m.text)]),
      ].sort((a, b) => (a[0] === b[0] ? a[1] - b[1] : a[0] < b[0] ? -1 : 1));
      if (rows.length) log.replaceChildren();
      for (const row of rows) row[2]();
      lastMessage = Math.max(0, ...found.messages.map((m) => m.id));
      line(found);
      standing({ ...found, outcome: found.turns.at(-1)?.outcome });
      log.scrollTop = log.scrollHeight;
    } catch (error) {
      if (error.status === 404 || error.status === 401) conversation = keep(null) || "";
    }
  }
  function line(found) {
    held = found.held_by === "person";
    state.textContent = found.agent ? words.queue_with.replace("{name}", found.agent)
      : found.place_in_line ? words.queue.replace("{n}", found.place_in_line) : "";
  }
  async function look() {
    if (!held || !conversation || running) return;
    try {
      const found = await (await call("GET", `/conversations/${conversation}?after=${lastMessage}`)).json();
      for (const message of found.messages) {
        if (message.author === "customer") continue;  // our own are on the page already
        person(message.text);
        spoken.textContent = `${words.colleague}: ${message.text}`;
        if (!opened) tell({ crm: "unread", n: ++shownUnread });
      }
      lastMessage = Math.max(lastMessage, ...found.messages.map((m) => m.id));
      line(found);
    } catch { /* the next look may succeed */ }
  }
  setInterval(look, 3000);

  function busy(on) {
    send.hidden = on;
    stop.hidden = !on;
    log.setAttribute("aria-busy", String(on));
  }
  async function begin() {
    if (conversation) return;
    const made = await (await call("POST", "/conversations", { language: words.language })).json();
    conversation = keep(made.conversation) || made.conversation;
  }
  async function ask(text) {
    text = text.trim();
    if (!text || running) return;
    log.querySelectorAll(".quick, .now").forEach((x) => x.remove());
    box.value = "";
    grow();
    const asked = mine(text);
    const bubble = add("theirs", make("span", { class: "doing" }, words.reading));
    const doing = bubble.querySelector(".doing");
    const parts = [];
    running = new AbortController();
    busy(true);
    try {
      await begin();
      const answer = await call("POST", "/chat", { message: text, conversation, stream: true }, running.signal);
      for await (const [name, data] of events(answer.body)) {
        if (name === "status") doing.textContent = doingNow(data);
        if (name === "sentence") {
          const listed = /^([-•*]\s|\d{1,2}[.)、]\s?)/.test(data.text);
          parts.push((parts.length ? (listed ? "\n" : words.language === "zh" ? "" : " ") : "") + data.text);
          bubble.replaceChildren(cited(parts.join("")), doing);
          log.scrollTop = log.scrollHeight;
        }
        if (name === "handoff" && data.message) parts.push(data.message);
        if (name === "error") throw new Error(words.failed);
        if (name === "done") finish(data);
      }
    } catch (error) {
      const stopped = error.name === "AbortError";
      const note = make("p", { class: stopped ? "note" : "note bad", role: stopped ? "status" : "alert" },
        stopped ? words.stopped : said(error));
      const again = stopped ? [] : [make("button", { class: "plain again", type: "button", onclick: () => { bubble.remove(); asked.remove(); ask(text); } }, words.again)];
      bubble.replaceChildren(...(parts.length ? [cited(parts.join(""))] : []), note, ...again);
      if (error.status === 404) conversation = keep(null) || "";
    } finally {
      running = null;
      busy(false);
      log.scrollTop = log.scrollHeight;
      if (opened) (log.querySelector(".now input") || box).focus();
    }

    function finish(data) {
      if (!data.answer) bubble.remove();  // a person holds the conversation and has got it
      else {
        const whole = theirs(data.answer, data.sources, data.turn);
        bubble.replaceWith(whole);
        spoken.textContent = data.answer.replace(/\s*\[\d{1,2}\]/g, "");
        if (!opened) tell({ crm: "unread", n: ++shownUnread });
      }
      if (data.outcome === "handed_off") { held = true; running = null; look(); }
      standing(data);
    }
  }
  function doingNow(data) {
    if (data.doing === "waiting") return data.before ? words.waiting.replace("{n}", data.before) : words.reading;
    if (data.doing === "writing") return words.writing;
    return (data.tools && words.doing[data.tools[0]]) || doingNow.last || words.reading;
  }
  async function* events(stream) {
    const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      text += value;
      const blocks = text.split("\n\n");
      text = blocks.pop();
      for (const block of blocks) {
        const found = /^event: (\S+)\ndata: (.*)$/s.exec(block);
        if (found) yield [found[1], JSON.parse(found[2])];
      }
    }
  }

  // -- what one can press ---------------------------------------------------------------------------------------------
  const grow = () => { box.style.height = "auto"; box.style.height = `${Math.min(box.scrollHeight, 128)}px`; };
  box.addEventListener("input", grow);
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); ask(box.value); }
  });
  $("form").addEventListener("submit", (event) => { event.preventDefault(); ask(box.value); });
  stop.addEventListener("click", () => running && running.abort());
  async function forPerson() {
    if (running) return;
    try {
      await begin();
      await call("POST", `/conversations/${conversation}/handoff`);
      held = true;
      await load();
    } catch (error) { state.textContent = said(error); }
  }
  $("person").addEventListener("click", forPerson);
  $("sign-in").addEventListener("click", () => {
    log.querySelectorAll(".quick").forEach((x) => x.remove());
    form({ label: words.email, type: "email", autocomplete: "email", maxlength: 200, go: words.send_code });
  });
  $("mail").addEventListener("click", async () => {
    if (!conversation) { state.textContent = words.nothing_said; return; }
    if (!token && !signedIn) { state.textContent = words.mail_sign_in; return; }
    try {
      const { to } = await (await call("POST", `/conversations/${conversation}/transcript/mail?language=${words.language}`)).json();
      state.textContent = words.mailed.replace("{to}", to);
    } catch (error) { state.textContent = error.status === 400 ? words.no_address : said(error); }
  });
  $("new").addEventListener("click", () => {
    if (running) running.abort();
    conversation = keep(null) || "";
    held = false;
    lastMessage = 0;
    state.textContent = "";
    empty();
    standing({});
    box.focus();
  });
  $("save").addEventListener("click", async () => {
    if (!conversation) { state.textContent = words.nothing_said; return; }
    let answer;
    try { answer = await call("GET", `/conversations/${conversation}/transcript?language=${words.language}`); }
    catch (error) { state.textContent = said(error); return; }
    const url = URL.createObjectURL(await answer.blob());
    make("a", { href: url, download: "conversation.txt" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  });
  $("close").addEventListener("click", () => tell({ crm: "close" }));
  if (!inside) $("close").hidden = true;
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") tell({ crm: "close" }); });

  addEventListener("message", (event) => {
    if (event.source !== window.parent) return;
    const said = event.data || {};
    if (said.crm === "token" && typeof said.token === "string") {
      if (renewed) renewed(said.token);
      else { token = said.token; load(); }
    }
    if (said.crm === "opened") { opened = true; shownUnread = 0; box.focus(); }
    if (said.crm === "closed") opened = false;
  });

  const asked = root.dataset.asked;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const paint = () => {
    root.dataset.theme = asked || (system.matches ? "dark" : "light");
    const style = getComputedStyle(root);
    tell({ crm: "look", accent: style.getPropertyValue("--accent").trim(), ink: style.getPropertyValue("--ink").trim() });
  };
  system.addEventListener("change", paint);
  paint();
  if (inside) {
    opened = false;
    tell({ crm: "ready" });
    setTimeout(() => { if (!ready) load(); }, 4000);  // a page that never says who it is: a visitor
  } else load();
})();
