// The page's half of Saleor's App Bridge: it receives the Dashboard's messages, keeps the token in memory only,
// and sends it with every request. Nothing is stored, no cookie is set.
(function () {
  "use strict";

  const SCHEME = "Bearer ";
  const RESPONSE_WITHIN = 8000; // milliseconds until the page says why it may be empty
  const LOCALE_WITHIN = 400; // milliseconds that the language may come after the token
  const LONGEST_NOTICE = 300; // characters of a toast
  const NOTICE_FOR = 6000; // milliseconds: the Dashboard would keep an error until it is closed, over what is below it
  const params = new URLSearchParams(location.search);
  const { root, start } = document.body.dataset;
  const isWidget = "widget" in document.body.dataset; // a card on one of Saleor's own pages
  const page = document.getElementById("page");
  const announcer = document.getElementById("announcer");
  const CONTEXT = ["domain", "saleorApiUrl", "id", "theme", "locale", "featureFlags"]; // the Dashboard's part of the query
  const kept = ownQuery(); // of the Dashboard's own address: it must stay, see goTo
  const first = start + ("chosen" in document.body.dataset ? "" : kept);
  const state = {
    token: "",
    refusals: 0, // one after the other, of tokens that had not expired
    expired: "", // a token that has expired: the Dashboard may hand it over again until it has another
    again: null, // what to do once another token is here
    dashboard: "", // the origin that handed over the token; messages of others are ignored from then on
    locale: given("locale") || keptFrom("locale") || document.documentElement.lang,
    path: first,
    site: new URL(first, location.href).searchParams.get("site") || "", // the channel or account that all is about
    isShown: false,
    isUnpermitted: false, // whether the Dashboard has answered without a token
    source: null, // what the last request came from
    focused: null, // what had the focus when it began
    files: [], // those chosen in a form that is refused
  };

  // The query of the Dashboard's own page comes first, and may have an id of its own; the Dashboard's part is last.
  function given(name) {
    return params.getAll(name).at(-1) || "";
  }

  // The Dashboard sends its language once, and its theme when it changes. After Back it opens another page in the same
  // frame, and does not repeat them: the frame's name outlives its pages, and ends with the frame.
  function keptFrom(name) {
    const text = new URLSearchParams(window.name).get(name) || "";
    return /^[\w-]{2,12}$/.test(text) ? text : "";
  }

  function keep(name, text) {
    window.name = new URLSearchParams({ locale: keptFrom("locale"), theme: keptFrom("theme"), [name]: text });
  }

  function newId() {
    // crypto.randomUUID is missing where a shop is tried over plain http.
    return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(16)).join("-");
  }

  // The rest of the query is the page's own: what was searched for, and which page of it.
  function ownQuery() {
    const own = new URLSearchParams(params);
    [...own.keys()].filter((name) => CONTEXT.includes(name.split("[")[0])).forEach((name) => own.delete(name));
    return own.size ? `?${own}` : "";
  }

  function send(type, payload) {
    // Before the handshake the Dashboard's origin is not known; all that is sent then is that the page is ready.
    window.parent.postMessage({ type, payload: { ...payload, actionId: newId() } }, state.dashboard || "*");
  }

  // The shell is rendered before the Dashboard's language is known, so it has its messages in each language.
  function message(name) {
    const language = state.locale.toLowerCase().split(/[-_]/)[0];
    const found = document.getElementById(`${name}-${language}`) || document.getElementById(`${name}-en`);
    return found.content.cloneNode(true);
  }

  function show(name) {
    page.replaceChildren(message(name));
  }

  function dropNote() {
    page.querySelectorAll(":scope > .note.passing").forEach((note) => note.remove());
  }

  function warn(name) {
    dropNote();
    const note = message(name);
    note.firstElementChild.classList.add("passing");
    page.prepend(note);
  }

  function setTheme(theme) {
    document.documentElement.dataset.theme = /dark/i.test(theme || "") ? "dark" : "light";
  }

  function changeTheme(theme) {
    setTheme(theme);
    keep("theme", document.documentElement.dataset.theme);
  }

  function load(path) {
    htmx.ajax("GET", path, { target: "#page", swap: "innerHTML" });
  }

  function takeToken(token) {
    if (typeof token !== "string" || !token) return;
    if (token === state.expired) {
      if (state.again) warn("renewing");
      return;
    }
    const first = !state.token;
    const again = state.again;
    dropNote();
    state.token = token;
    state.again = null;
    if (again) again();
    // The Dashboard sends its language right after the token: waiting for it spares loading everything twice.
    else if (first) setTimeout(showFirst, given("locale") || keptFrom("locale") ? 0 : LOCALE_WITHIN);
  }

  // The Dashboard shows a card to everyone. To those without the permission for it, it hands over an empty token.
  function showUnpermitted() {
    if (state.token && !state.again) return; // the token here may still be valid
    state.isUnpermitted = true;
    show("unpermitted");
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
    keep("locale", locale);
    document.documentElement.lang = locale;
    if (changed && state.isUnpermitted && !state.token) show("unpermitted");
    if (!state.isShown) showFirst();
    else if (changed) load(state.path);
  }

  const handlers = {
    handshake: (payload) => (isWidget && !payload.token ? showUnpermitted() : takeToken(payload.token)),
    tokenRefresh: (payload) => takeToken(payload.token),
    theme: (payload) => changeTheme(payload.theme),
    localeChanged: (payload) => setLocale(payload.locale),
  };

  function receive(message) {
    if (message.source !== window.parent) return;
    if (state.dashboard && message.origin !== state.dashboard) return;
    const event = message.data;
    if (!event || !Object.hasOwn(handlers, event.type)) return;
    if (event.type === "handshake") state.dashboard = message.origin;
    handlers[event.type](event.payload || {});
  }

  // ---- requests ----

  // A part of the page that is requested by itself, such as the progress of a job, leaves address and focus alone.
  function isWhole(ctx) {
    return ctx.target === page;
  }

  function withSite(address) {
    const url = new URL(address, location.href);
    if (state.site) url.searchParams.set("site", state.site);
    else url.searchParams.delete("site");
    return url.pathname + url.search;
  }

  // Another site: the same section from its start, as it is for that channel or account.
  function switchSite(event) {
    if (!event.target.matches("[data-site]")) return;
    state.site = event.target.value;
    const path = state.path.split("?")[0];
    const isOne = /[0-9a-f]{8}-[0-9a-f]{4}-/.test(path); // one payment or contact may not be the site's
    const shown = isOne ? page.querySelector("#back")?.getAttribute("hx-get").split("?")[0] || start : path;
    htmx.ajax("GET", shown, { source: event.target, target: "#page", swap: "innerHTML" });
  }

  function addHeaders(event) {
    event.detail.ctx.request.action = withSite(event.detail.ctx.request.action);
    if (isWhole(event.detail.ctx)) {
      state.source = event.detail.ctx.sourceElement;
      state.focused = document.activeElement;
    }
    Object.assign(event.detail.ctx.request.headers, headers());
  }

  function headers() {
    return {
      Authorization: SCHEME + state.token,
      "Saleor-Api-Url": given("saleorApiUrl"),
      "Accept-Language": state.locale,
      "Dashboard-Origin": state.dashboard,
    };
  }

  // A token lives five minutes. When one is refused, the Dashboard is asked for another, and what the user wanted is
  // done again: nothing typed is lost. After a sleep, the Dashboard first hands over the expired one, and a new one
  // within half a minute. What is not expired and refused twice is of a shop that the app does not know.
  function renew(refused, answer, again, isWanted = true) {
    if (refused !== state.token) {
      again(); // another one is here by now
      return;
    }
    const isExpired = (answer.headers.get("WWW-Authenticate") || "").includes("expired");
    state.refusals = isExpired ? 0 : state.refusals + 1;
    if (state.refusals > 1) {
      show("ended");
      return;
    }
    if (isExpired) state.expired = refused;
    if (isWanted || !state.again) state.again = again; // not what was typed for the progress of a job
    send("notifyReady", {});
  }

  function noticeAnswer(event) {
    const { ctx } = event.detail;
    if (ctx.response.status !== 401) {
      state.refusals = 0;
      if (!isPage(ctx.response)) {
        event.preventDefault();
        warn("unreachable");
        return;
      }
      if (ctx.response.status < 400 && ctx.request.method === "GET" && isWhole(ctx)) moveTo(ctx);
      return;
    }
    event.preventDefault();
    renew(ctx.request.headers.Authorization.slice(SCHEME.length), ctx.response, () => repeat(ctx), isWhole(ctx));
  }

  // A failure of a proxy, or of the app without its database, is no page: what is shown stays, and all that was typed.
  // What a payment was paid with comes as plain text.
  function isPage(response) {
    const kind = response.headers.get("Content-Type") || "";
    return kind.startsWith("text/html") || (response.status < 500 && !kind.includes("json"));
  }

  // The Dashboard's address follows what staff choose, so that a reload and Back return to it.
  function moveTo(ctx) {
    goTo(ctx.request.action, ctx.sourceElement !== document.body);
  }

  // What a form has made has an address of its own.
  function noticeAddress(event) {
    const made = isWhole(event.detail.ctx) && page.querySelector("[data-address]");
    if (made) goTo(made.dataset.address, true);
  }

  // With each new token the Dashboard renders the frame again: with the path that it opened itself, but with the query
  // of its address as it is now. If that had changed, the page would be reloaded at another place, and what was typed
  // lost. So what was searched for is part of the path, after a tilde, and the query stays what it was.
  function goTo(address, isChosen) {
    const { pathname, searchParams } = new URL(address, location.href);
    [...searchParams].forEach(([name, value]) => value || searchParams.delete(name));
    const search = searchParams.size ? `?${searchParams}` : "";
    const former = state.path;
    state.path = pathname + search;
    if (isWidget || !isChosen || !pathname.startsWith(root) || former === state.path) return;
    const chosen = search || kept ? `/~${encode(search.slice(1))}` : "";
    send("updateRouting", { newRoute: `/${pathname.slice(root.length)}${chosen}${kept}` });
  }

  function encode(text) {
    return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  }

  // What became of a form is shown where it stands, and by the Dashboard too, should it be out of view.
  function announce(event) {
    if (!isWhole(event.detail.ctx)) return;
    if (event.detail.ctx.request.method !== "POST") {
      announcer.textContent = page.querySelector("h1")?.textContent.trim() || "";
      return;
    }
    announcer.textContent = ""; // it may name a person who was just erased
    const note = page.querySelector(".note.good, .note.bad");
    if (!note) return;
    note.scrollIntoView({ block: "nearest" });
    const status = note.classList.contains("bad") ? "error" : "success";
    send("notification", { status, text: note.textContent.trim().slice(0, LONGEST_NOTICE), autohide: NOTICE_FOR });
  }

  // The whole page was replaced: the focus goes back to where it was, or to the top of what is new.
  function returnFocus(event) {
    if (!isWhole(event.detail.ctx) || state.source === document.body) return;
    const next = page.querySelector("[data-focus]"); // what was just added, or is wrong
    if (next) {
      next.focus();
      return;
    }
    const before = state.focused === document.body ? state.source : state.focused;
    const isShown = (each) => each?.getClientRects().length; // what is hidden takes no focus
    const found = [sameAs(before), sameAs(state.source)].find(isShown);
    (found || page.querySelector("h1"))?.focus({ preventScroll: Boolean(found) });
  }

  // What is open must be in view: on a narrow screen the menu is one line, on a low one it scrolls by itself.
  function showWhere() {
    const side = page.querySelector(".side");
    const open = side?.querySelector("[aria-current]")?.getBoundingClientRect();
    if (!open) return;
    const seen = side.getBoundingClientRect(); // only the menu is scrolled: the page stays where its note is
    side.scrollLeft += Math.max(0, open.right - seen.right) + Math.min(0, open.left - seen.left);
    side.scrollTop += Math.max(0, open.bottom - seen.bottom) + Math.min(0, open.top - seen.top);
  }

  function sameAs(former) {
    if (former.id && former.tagName !== "FORM") {
      const found = document.getElementById(former.id);
      return found?.tagName === former.tagName ? found : null; // a button and the form that it opens may share an id
    }
    const form = document.getElementById(former.closest("form")?.id || "");
    if (form) return form.querySelector(former.name ? `[name="${CSS.escape(former.name)}"]` : "button:not([type])");
    const dialog = former.closest("dialog");
    return dialog && page.querySelector(`[data-dialog="${CSS.escape(dialog.id)}"]`);
  }

  function repeat(ctx) {
    const source = ctx.sourceElement;
    if (source === document.body || !source.isConnected) load(ctx.request.action);
    else if (source instanceof HTMLFormElement) source.requestSubmit();
    else if (source.matches("button, a")) source.click();
    else source.dispatchEvent(new Event("again"));
  }

  // ---- what the server cannot know: the reader's time zone ----

  function localTimes() {
    const format = new Intl.DateTimeFormat(state.locale, { dateStyle: "medium", timeStyle: "short" });
    page.querySelectorAll("time[datetime]").forEach((time) => {
      time.textContent = format.format(new Date(time.dateTime));
    });
  }

  // A time that is typed is one of the reader's time zone.
  function noteMoment(event) {
    const utc = document.getElementById(event.target.dataset.utc || "");
    const moment = utc && new Date(event.target.value);
    if (utc) utc.value = Number.isNaN(moment.getTime()) ? "" : moment.toISOString();
  }

  function leave(event) {
    const link = event.target.closest("a[data-out], a[data-route], a[data-page]");
    if (!link) return;
    event.preventDefault(); // the Dashboard navigates: its frame may not
    // A page of the Dashboard itself, such as an order, or of the app from a card elsewhere.
    const own = link.dataset.page && `/extensions/app/${encodeURIComponent(given("id"))}${link.dataset.page}`;
    const route = link.dataset.route || own;
    send("redirect", route ? { to: route, newContext: false } : { to: link.href, newContext: true });
  }

  // A file needs the token too, so it is fetched and then handed to the browser.
  async function download(event) {
    const button = event.target.closest("[data-download]");
    if (!button) return;
    button.disabled = true;
    try {
      const used = state.token;
      const answer = await fetch(withSite(button.dataset.download), { headers: headers() });
      if (answer.status === 401) {
        renew(used, answer, () => button.click());
        return;
      }
      if (!answer.ok) throw new Error(String(answer.status));
      const link = document.createElement("a");
      link.href = URL.createObjectURL(await answer.blob());
      link.download = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition"))?.[1] || "";
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    } catch {
      warn("unreachable");
    } finally {
      button.disabled = false;
    }
  }

  // A file goes in slices before its form, because a request has a limit of size and of time. Sent again, a slice
  // replaces itself. The response to the form says what is wrong with a file.
  async function sendSlices(event) {
    const form = event.target;
    if (!form.matches("[data-slices]")) return;
    event.preventDefault();
    const [file] = form.querySelector("[type=file]").files;
    if (!file || "sending" in form.dataset) return;
    form.dataset.sending = "";
    form.elements.name.value = file.name;
    form.elements.size.value = file.size;
    const bar = form.querySelector("progress");
    const size = Number(form.dataset.slice);
    bar.hidden = false;
    try {
      for (let part = 0; part * size < file.size && file.size <= Number(form.dataset.largest); part += 1) {
        const slice = file.slice(part * size, (part + 1) * size);
        const answer = await fetchOrRenew(`${form.dataset.slices}&part=${part}`, { method: "POST", body: slice });
        if (!answer.ok) break;
        bar.value = Math.min(1, ((part + 1) * size) / file.size);
      }
      if (form.isConnected) htmx.trigger(form, "sliced");
    } catch {
      warn("unreachable");
    } finally {
      delete form.dataset.sending;
      bar.hidden = true;
    }
  }

  async function fetchOrRenew(address, options) {
    for (;;) {
      const used = state.token;
      const answer = await fetch(address, { ...options, headers: headers() });
      if (answer.status !== 401) return answer;
      await new Promise((resolve) => renew(used, answer, resolve));
    }
  }

  // The result of a part of the page is announced once; its progress is not.
  function say(event) {
    if (isWhole(event.detail.ctx)) return;
    const result = page.querySelector("[data-say]")?.dataset.say;
    if (result && announcer.textContent !== result) announcer.textContent = result;
  }

  function openOrCloseDialog(event) {
    const opener = event.target.closest("[data-dialog]");
    if (opener) document.getElementById(opener.dataset.dialog).showModal();
    if (event.target.closest("[data-close]")) event.target.closest("dialog").close();
  }

  // As in the Dashboard's own lists, a click anywhere in a row opens it, unless text was selected.
  function openRow(event) {
    const row = event.target.closest("[data-rows] > tr");
    if (!row || event.target.closest("a, button, dialog, input, label, select") || String(getSelection())) return;
    row.querySelector("button.link").click();
  }

  // A dialog that is removed while it is open would keep the rest of the page from being focused.
  function closeDialogs(event) {
    if (!isWhole(event.detail.ctx)) return;
    page.querySelectorAll("dialog[open]").forEach((dialog) => dialog.close());
  }

  // A field that was resized has a style of its own. htmx would give it to the new one, which the page's policy forbids.
  function dropStyles() {
    page.querySelectorAll("[style]").forEach((each) => each.removeAttribute("style"));
  }

  // The answer to a dialog's form that was refused: the dialog is still open.
  function reopenDialog(event) {
    if (isWhole(event.detail.ctx)) page.querySelector("dialog[data-opened]")?.showModal();
  }

  // Says which mode a pasted key is of, before anything is sent.
  function nameMode(event) {
    const hint = document.getElementById(event.target.dataset.mode || "");
    if (!hint) return;
    const mode = /^[prs]k_(test|live)_/.exec(event.target.value.trim())?.[1];
    hint.textContent = mode ? hint.dataset[mode] : "";
  }

  // The Dashboard makes the card as high as its content.
  function followHeight() {
    const tell = () => send("widgetResize", { height: Math.ceil(page.getBoundingClientRect().height) });
    new ResizeObserver(tell).observe(page);
  }

  // A card statement shows the name, then the suffix; as far as both fit.
  function previewSuffix(event) {
    const preview = document.getElementById(event.target.dataset.preview || "");
    if (preview) preview.textContent = `${preview.dataset.name}* ${event.target.value.trim().toUpperCase()}`.slice(0, 22);
  }

  // An image can be dropped on its field, and is shown before it is sent.
  function dropImage(event) {
    const field = event.target.closest?.("[data-drop]");
    if (!field) return;
    event.preventDefault(); // the browser would open the file
    field.classList.toggle("over", event.type === "dragover");
    if (event.type !== "drop" || !event.dataTransfer.files.length) return;
    const input = field.querySelector("input");
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }

  function previewImage(event) {
    const image = event.target.closest("[data-drop]")?.querySelector("img");
    if (!image) return;
    const [file] = event.target.files;
    URL.revokeObjectURL(image.src);
    image.hidden = !file;
    if (file) image.src = URL.createObjectURL(file);
  }

  // No answer can contain a file: one that was chosen stays where it was, unless it is what was refused.
  function keepFiles(event) {
    const isRefused = isWhole(event.detail.ctx) && event.detail.ctx.response.status === 422;
    state.files = isRefused ? [...page.querySelectorAll("[type=file][id]")].map((field) => [field.id, field.files]) : [];
  }

  function returnFiles() {
    state.files.forEach(([id, files]) => {
      const field = document.getElementById(id);
      if (!files.length || !field || field.hasAttribute("aria-invalid")) return;
      field.files = files;
      field.dispatchEvent(new Event("change", { bubbles: true }));
    });
    state.files = [];
  }

  window.addEventListener("message", receive);
  document.addEventListener("htmx:config:request", addHeaders);
  document.addEventListener("htmx:after:request", noticeAnswer);
  document.addEventListener("htmx:error", () => warn("unreachable"));
  document.addEventListener("htmx:before:swap", closeDialogs);
  document.addEventListener("htmx:before:swap", dropStyles);
  document.addEventListener("htmx:before:swap", keepFiles);
  document.addEventListener("htmx:after:swap", returnFiles);
  document.addEventListener("htmx:after:swap", localTimes);
  document.addEventListener("htmx:after:swap", reopenDialog);
  document.addEventListener("htmx:after:swap", announce);
  document.addEventListener("htmx:after:swap", say);
  document.addEventListener("htmx:after:swap", noticeAddress);
  document.addEventListener("htmx:after:swap", showWhere);
  document.addEventListener("htmx:after:swap", returnFocus);
  document.addEventListener("click", leave);
  document.addEventListener("click", download);
  document.addEventListener("click", openOrCloseDialog);
  document.addEventListener("click", openRow);
  document.addEventListener("submit", sendSlices);
  document.addEventListener("input", nameMode);
  document.addEventListener("input", previewSuffix);
  document.addEventListener("input", noteMoment);
  document.addEventListener("change", switchSite);
  ["dragover", "dragleave", "drop"].forEach((name) => document.addEventListener(name, dropImage));
  document.addEventListener("change", previewImage);

  document.documentElement.lang = state.locale;
  setTheme(keptFrom("theme") || given("theme") || document.documentElement.dataset.theme);
  if (window.parent === window) {
    show("alone");
  } else {
    send("notifyReady", {});
    if (isWidget) followHeight();
    setTimeout(() => state.token || state.isUnpermitted || show("silent"), RESPONSE_WITHIN);
  }
})();
