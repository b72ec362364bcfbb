// The page's half of Saleor's App Bridge: it hears the Dashboard, keeps the token in memory only,
// and sends it with every request. Nothing is stored, no cookie is set.
(function () {
  "use strict";

  const ANSWER_WITHIN = 8000; // milliseconds until the page says why it may be empty
  const LOCALE_WITHIN = 400; // milliseconds that the language may come after the token
  const LONGEST_NOTICE = 300; // characters of a toast
  const asked = new URLSearchParams(location.search);
  const { root, start } = document.body.dataset;
  const page = document.getElementById("page");
  const state = {
    token: "",
    refusals: 0, // one after the other
    again: null, // what to do once another token is here
    dashboard: "", // the origin that handed over the token; no other is heard from then on
    locale: asked.get("locale") || document.documentElement.lang,
    path: start,
    isShown: false,
  };

  function newId() {
    // crypto.randomUUID is missing where a shop is tried over plain http.
    return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(16)).join("-");
  }

  function send(type, payload) {
    // Before the handshake the Dashboard's origin is not known; all that is sent then is that the page is ready.
    window.parent.postMessage({ type, payload: { ...payload, actionId: newId() } }, state.dashboard || "*");
  }

  function show(templateId) {
    page.replaceChildren(document.getElementById(templateId).content.cloneNode(true));
  }

  function warn(templateId) {
    page.querySelectorAll(":scope > .note.passing").forEach((note) => note.remove());
    const note = document.getElementById(templateId).content.cloneNode(true);
    note.firstElementChild.classList.add("passing");
    page.prepend(note);
  }

  function setTheme(theme) {
    document.documentElement.dataset.theme = /dark/i.test(theme || "") ? "dark" : "light";
  }

  function load(path) {
    htmx.ajax("GET", path, { target: "#page", swap: "innerHTML" });
  }

  function takeToken(token) {
    if (typeof token !== "string" || !token) return;
    const first = !state.token;
    const again = state.again;
    state.token = token;
    state.again = null;
    if (again) again();
    // The Dashboard says its language right after the token: waiting for it spares loading everything twice.
    else if (first) setTimeout(showFirst, asked.get("locale") ? 0 : LOCALE_WITHIN);
  }

  function showFirst() {
    if (state.isShown || !state.token) return;
    state.isShown = true;
    load(state.path);
  }

  function setLocale(locale) {
    if (typeof locale !== "string" || !locale) return;
    const changed = locale !== state.locale;
    state.locale = locale;
    document.documentElement.lang = locale;
    if (!state.isShown) showFirst();
    else if (changed) load(state.path);
  }

  const hears = {
    handshake: (payload) => takeToken(payload.token),
    tokenRefresh: (payload) => takeToken(payload.token),
    theme: (payload) => setTheme(payload.theme),
    localeChanged: (payload) => setLocale(payload.locale),
  };

  function hear(message) {
    if (message.source !== window.parent) return;
    if (state.dashboard && message.origin !== state.dashboard) return;
    const event = message.data;
    if (!event || !Object.hasOwn(hears, event.type)) return;
    if (event.type === "handshake") state.dashboard = message.origin;
    hears[event.type](event.payload || {});
  }

  // ---- requests ----

  function addHeaders(event) {
    Object.assign(event.detail.ctx.request.headers, {
      Authorization: `Bearer ${state.token}`,
      "Saleor-Api-Url": asked.get("saleorApiUrl") || "",
      "Accept-Language": state.locale,
      "Dashboard-Origin": state.dashboard,
    });
  }

  // A token lives five minutes. When one is refused, the Dashboard is asked for another, once, and what the
  // user wanted is done again: nothing typed is lost.
  function noticeAnswer(event) {
    const { ctx } = event.detail;
    if (ctx.response.status !== 401) {
      state.refusals = 0;
      if (ctx.response.status < 400 && ctx.request.method === "GET") moveTo(ctx);
      return;
    }
    event.preventDefault();
    state.refusals += 1;
    if (state.refusals > 1) {
      show("ended");
      return;
    }
    state.again = () => repeat(ctx);
    send("notifyReady", {});
  }

  // The Dashboard's address follows what staff choose, so that a reload and Back return to it.
  function moveTo(ctx) {
    const { pathname } = new URL(ctx.request.action, location.href);
    state.path = ctx.request.action;
    const isChosen = ctx.sourceElement !== document.body;
    if (isChosen && pathname.startsWith(root)) {
      send("updateRouting", { newRoute: `/${pathname.slice(root.length)}` });
    }
  }

  // What became of a form is shown where it stands, and by the Dashboard too, should it be out of view.
  function announce(event) {
    if (event.detail.ctx.request.method !== "POST") return;
    const note = page.querySelector(".note.good, .note.bad");
    if (!note) return;
    note.scrollIntoView({ block: "nearest" });
    const status = note.classList.contains("bad") ? "error" : "success";
    send("notification", { status, text: note.textContent.trim().slice(0, LONGEST_NOTICE) });
  }

  function repeat(ctx) {
    const source = ctx.sourceElement;
    if (source === document.body || !source.isConnected) load(ctx.request.action);
    else if (source instanceof HTMLFormElement) source.requestSubmit();
    else source.click();
  }

  // ---- what the server cannot know: the reader's time zone ----

  function localTimes() {
    const format = new Intl.DateTimeFormat(state.locale, { dateStyle: "medium", timeStyle: "short" });
    page.querySelectorAll("time[datetime]").forEach((time) => {
      time.textContent = format.format(new Date(time.dateTime));
    });
  }

  function leave(event) {
    const link = event.target.closest("a[data-out]");
    if (!link) return;
    event.preventDefault(); // the frame may not navigate the Dashboard: it is asked to open a new tab
    send("redirect", { to: link.href, newContext: true });
  }

  window.addEventListener("message", hear);
  document.addEventListener("htmx:config:request", addHeaders);
  document.addEventListener("htmx:after:request", noticeAnswer);
  document.addEventListener("htmx:error", () => warn("unreachable"));
  document.addEventListener("htmx:after:swap", localTimes);
  document.addEventListener("htmx:after:swap", announce);
  document.addEventListener("click", leave);

  setTheme(asked.get("theme") || document.documentElement.dataset.theme);
  if (window.parent === window) {
    show("alone");
  } else {
    send("notifyReady", {});
    setTimeout(() => state.token || show("silent"), ANSWER_WITHIN);
  }
})();
