// The page's half of Saleor's App Bridge: it hears the Dashboard, keeps the token in memory only,
// and sends it with every request. Nothing is stored, no cookie is set.
(function () {
  "use strict";

  const ANSWER_WITHIN = 8000; // milliseconds until the page says why it may be empty
  const asked = new URLSearchParams(location.search);
  const origins = document.body.dataset.origins.split(" ").filter(Boolean);
  const page = document.getElementById("page");
  const state = {
    token: "",
    refusals: 0, // one after the other
    again: null, // what to do once another token is here
    dashboard: "",
    locale: asked.get("locale") || document.documentElement.lang,
    path: document.body.dataset.start,
  };

  function newId() {
    // crypto.randomUUID is missing where a shop is tried over plain http.
    return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(16)).join("-");
  }

  function send(type, payload) {
    const action = { type, payload: { ...payload, actionId: newId() } };
    const receivers = state.dashboard ? [state.dashboard] : origins;
    receivers.forEach((origin) => window.parent.postMessage(action, origin));
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
    else if (first) load(state.path);
  }

  function setLocale(locale) {
    if (!locale || locale === state.locale) return;
    state.locale = locale;
    document.documentElement.lang = locale;
    if (state.token) load(state.path);
  }

  const hears = {
    handshake: (payload) => takeToken(payload.token),
    tokenRefresh: (payload) => takeToken(payload.token),
    theme: (payload) => setTheme(payload.theme),
    localeChanged: (payload) => setLocale(payload.locale),
  };

  function hear(message) {
    if (message.source !== window.parent || !origins.includes(message.origin)) return;
    const told = message.data;
    if (!told || !Object.hasOwn(hears, told.type)) return;
    state.dashboard = message.origin;
    hears[told.type](told.payload || {});
  }

  // ---- requests ----

  function addHeaders(event) {
    Object.assign(event.detail.ctx.request.headers, {
      Authorization: `Bearer ${state.token}`,
      "Saleor-Api-Url": asked.get("saleorApiUrl") || "",
      "Accept-Language": state.locale,
    });
  }

  // A token lives five minutes. When one is refused, the Dashboard is asked for another, once, and what the
  // user wanted is done again: nothing typed is lost.
  function noticeAnswer(event) {
    const { ctx } = event.detail;
    if (ctx.response.status !== 401) {
      state.refusals = 0;
      if (ctx.response.status < 400 && ctx.request.method === "GET") state.path = ctx.request.action;
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
  document.addEventListener("click", leave);

  setTheme(asked.get("theme") || document.documentElement.dataset.theme);
  if (window.parent === window) {
    show("alone");
  } else {
    send("notifyReady", {});
    setTimeout(() => state.token || show("silent"), ANSWER_WITHIN);
  }
})();
