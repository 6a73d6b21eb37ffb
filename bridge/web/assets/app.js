// Owns what the page does by itself: clocks, local times, shortcuts, the title while a phone rings, lost connections.
// Everything else is HTML that the server sends.
"use strict";
(() => {
  const meta = document.querySelector('meta[name="server-now"]');
  const skew = meta ? Date.now() - Number(meta.content) : 0; // a desk's own clock may be wrong
  const title = document.title;
  const language = document.documentElement.lang;
  const own = navigator.languages.find((tag) => tag.split("-")[0] === language); // en-GB rather than plain en
  const format = new Intl.DateTimeFormat(own || language, { dateStyle: "short", timeStyle: "short" });
  const ofDay = new Intl.DateTimeFormat(own || language, { timeStyle: "medium" });
  const two = (n) => String(n).padStart(2, "0");

  function clockOf(milliseconds) {
    const s = Math.max(0, Math.floor(milliseconds / 1000));
    const h = Math.floor(s / 3600);
    return h ? `${h}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}` : `${Math.floor(s / 60)}:${two(s % 60)}`;
  }

  function tick() {
    const now = Date.now() - skew;
    for (const clock of document.querySelectorAll("time[data-since]")) {
      clock.textContent = clockOf(now - Number(clock.dataset.since));
    }
    for (const clock of document.querySelectorAll("time[data-until]")) {
      const left = Number(clock.dataset.until) - now;
      clock.textContent = clockOf(left + 999); // 0:00 is when it is over, not the last second before
      clock.classList.toggle("soon", left < 10000);
    }
    for (const mark of document.querySelectorAll("[data-late-at]")) {
      const late = now >= Number(mark.dataset.lateAt);
      mark.hidden = !late;
      mark.closest("tr")?.classList.toggle("is-late", late);
    }
    for (const time of document.querySelectorAll("time[data-local]")) {
      time.textContent = (time.dataset.local === "clock" ? ofDay : format).format(new Date(time.dateTime));
      time.removeAttribute("data-local");
    }
    const ringing = document.querySelector("[data-ringing]");
    document.title = ringing ? `☎ ${ringing.dataset.ringing}` : title;
  }

  let said = 0;
  function announce() {
    const summary = document.querySelector("[data-summary]");
    const announcer = document.getElementById("announcer");
    // A reader is not told of every change of a busy floor.
    if (!summary || !announcer || Date.now() - said < 5000) return;
    const late = Array.from(document.querySelectorAll("[data-late]:not([hidden])"), (mark) => mark.dataset.late);
    const words = [summary.dataset.summary, ...late].join(" ");
    if (announcer.textContent !== words) {
      said = Date.now();
      announcer.textContent = words;
    }
  }

  // A status that comes with new markup is not read out by itself: only a change of what stood there before is.
  function speak(event) {
    const status = event.detail.elt.querySelector?.("main [role=status], .card-ticket > [role=status]");
    const announcer = document.getElementById("announcer");
    const words = status?.textContent.trim();
    if (words && announcer && announcer.textContent !== words) announcer.textContent = words;
  }

  // Each notice of a ticket is read once in this window, however often it is drawn.
  const heard = "callbridge-heard";
  function tellNews() {
    const place = document.getElementById("news");
    const known = new Set(JSON.parse(sessionStorage.getItem(heard) || "[]"));
    const fresh = Array.from(document.querySelectorAll("[data-news]")).filter((one) => !known.has(one.dataset.news));
    if (!place || !fresh.length) return;
    for (const one of fresh) known.add(one.dataset.news);
    sessionStorage.setItem(heard, JSON.stringify(Array.from(known).slice(-200)));
    place.textContent = fresh.map((one) => one.querySelector("a").textContent).join(". ");
  }

  function offline(lost) {
    const banner = document.getElementById("offline");
    if (banner) banner.hidden = !lost;
  }

  // ── shortcuts ──────────────────────────────────────────────────────────────
  const off = "callbridge-shortcuts-off";
  const enabled = () => localStorage.getItem(off) !== "1";
  const press = (selector) => {
    const found = document.querySelector(selector);
    if (found) found.click();
    return Boolean(found);
  };
  function openMenu(key, first) {
    const menu = document.querySelector(`details[data-key="${key}"]`);
    if (!menu) return false;
    menu.open = true;
    menu.querySelector(first).focus();
    return true;
  }
  function focus(selector) {
    const found = document.querySelector(selector);
    found?.focus();
    return Boolean(found);
  }
  // In a ticket: to whom it goes is chosen, and the cursor is in the text.
  const write = (kind) => press(`input[name="kind"][data-key="${kind}"]`) && focus("#composer-body");
  const keys = {
    KeyR: () => press('[data-key="ready"]'),
    KeyW: () => press('[data-key="wrap-up"]'),
    KeyE: () => press('[data-key="extend"]:not(:disabled)'),
    KeyT: () => press('[data-key="ticket"]'),
    KeyH: () => press('[data-key="hold"]'),
    KeyM: () => press('[data-key="mute"]'),
    KeyQ: () => press('[data-key="recording"]'),
    KeyF: () => press('[data-key="complete"]'),
    KeyS: () => press('[data-key="swap"]'),
    KeyX: () => openMenu("transfer", "select"),
    KeyD: () => {
      const number = document.getElementById("dial-number");
      number?.focus();
      return Boolean(number);
    },
    KeyP: () => openMenu("pause", "form button"),
    KeyN: () => write("note") || focus("#card-note"),
    KeyV: () => write("partner"),
    KeyA: () => write("mail_out"),
    KeyB: () => focus('form[data-key="form"] select, form[data-key="form"] input:not([type=hidden])'),
    KeyJ: () => press('[data-key="open-ticket"]') || press('[data-key="new-ticket"]'),
    KeyU: () => focus("#notices a"),
    KeyL: () => press('[data-key="list"]'),
    KeyC: () => {
      const area = document.getElementById("card-area");
      if (area) (area.querySelector("h2 ~ * a, button, input:not([type=hidden])") || area).focus();
      return Boolean(area);
    },
  };

  // The digits that are dialled on a phone: of a pause while its list is open, else of the last call's result.
  function digit(key) {
    const open = document.querySelector('details[data-key="pause"][open]');
    const choice = (open || document.getElementById("disposition") || document.getElementById("floor"))?.querySelector(`[data-digit="${CSS.escape(key)}"]`);
    choice?.click();
    return Boolean(choice);
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      const form = event.target.closest("form[data-send]");
      if (form) {
        event.preventDefault();
        form.requestSubmit(form.querySelector("button.primary"));
      }
    }
    if (event.key === "Escape") {
      for (const menu of document.querySelectorAll("details.menu[open]")) {
        menu.open = false;
        menu.querySelector("summary").focus();
      }
    }
    const writing = event.target.closest("input, textarea, select, dialog, [contenteditable]");
    if (writing || event.ctrlKey || event.metaKey || event.altKey || event.repeat || !enabled()) return;
    let done = false;
    if (event.key === "?") {
      done = openDialog("shortcuts");
    } else if (event.key === "/" && document.querySelector("header nav")) {
      const search = document.getElementById("search");
      if (search) search.focus();
      else location.assign("/clients#search");
      done = true;
    } else if (/^[0-9]$/.test(event.key)) {
      done = digit(event.key);
    } else if (keys[event.code] && !event.shiftKey) {
      done = keys[event.code](); // by place, so that they work on a Russian layout too
    }
    if (done) event.preventDefault();
  });

  function openDialog(id) {
    const dialog = document.getElementById(id);
    if (!dialog || dialog.open) return false;
    dialog.showModal();
    return true;
  }

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-open]");
    if (opener) openDialog(opener.dataset.open);
    // Who chooses by the mouse to whom it goes writes next; the label's own focus comes first.
    if (event.detail && event.target.closest(".mode")) setTimeout(() => focus("#composer-body"));
    const dismiss = event.target.closest("[data-dismiss]");
    if (dismiss) dismiss.parentElement.remove();
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });

  // ── what floor, notices and card lose when they are drawn anew: htmx finds what has the focus by its id, not more ─
  let kept = null;
  function keep() {
    const within = document.activeElement?.closest("#floor, #notices, #card");
    const focused = within ? document.activeElement.id : "";
    kept = { focused, within: within?.id, scrolled: Array.from(document.querySelectorAll("#floor .scroll"), (one) => [one.id, one.scrollLeft]) };
  }
  function giveBack() {
    if (!kept) return;
    const { focused, within, scrolled } = kept;
    kept = null;
    for (const [id, left] of scrolled) document.getElementById(id)?.scrollTo({ left });
    if (!within || (focused && document.getElementById(focused)) || document.activeElement !== document.body) return;
    // Its button is gone: on to the panel that has come in its place, or at least not to the top of the page.
    const next = { card: "#card-area", notices: "#notices a" }[within] ?? '#floor [aria-pressed="true"]';
    (document.querySelector(next) || document.getElementById("main")).focus({ preventScroll: true });
  }
  for (const name of ["htmx:sseBeforeMessage", "htmx:beforeSwap"]) document.addEventListener(name, keep);
  for (const name of ["htmx:sseMessage", "htmx:afterSwap"]) document.addEventListener(name, giveBack);

  // ── forms on the card (a new client, the ticket) stay when it is drawn anew, if anybody has begun with them ─
  function begun(section) {
    if ("begun" in section.dataset || section.contains(document.activeElement)) return true;
    const fields = Array.from(section.querySelectorAll("input, textarea"));
    const options = Array.from(section.querySelectorAll("select"), (one) => [one, Array.from(one.options)]);
    return fields.some((one) => one.value !== one.defaultValue || one.checked !== one.defaultChecked)
      || options.some(([, all]) => all.some((one) => one.defaultSelected) && all.some((one) => one.selected !== one.defaultSelected))
      || options.some(([one, all]) => !all.some((each) => each.defaultSelected) && one.selectedIndex > 0);
  }
  function letGo(event) {
    if (event.detail.type !== "card" && event.detail.target?.id !== "card") return;
    for (const section of document.querySelectorAll("#card section[hx-preserve], #card .card-ticket")) {
      if (!begun(section)) section.removeAttribute("id"); // htmx keeps what it finds again by its id
    }
  }
  for (const name of ["htmx:sseBeforeMessage", "htmx:beforeSwap"]) document.addEventListener(name, letGo);

  // ── moves of an agent: a dialog whose content the server sends ─────────────
  const moves = document.getElementById("moves");
  let opener = "";
  document.addEventListener("htmx:afterSwap", (event) => {
    if (!moves || event.detail.target?.id !== "moves-body" || moves.open) return;
    opener = event.detail.requestConfig?.elt?.id || "";
    moves.showModal();
  });
  moves?.addEventListener("close", () => {
    document.getElementById("moves-notice").replaceChildren();
    document.getElementById(opener)?.focus(); // by id: the floor has been drawn anew since
  });

  const box = document.getElementById("shortcuts-on");
  if (box) {
    box.checked = enabled();
    box.addEventListener("change", () => localStorage.setItem(off, box.checked ? "0" : "1"));
  }
  if (location.hash === "#search") document.getElementById("search")?.focus();

  // ── a template's variables go where the cursor was ─────────────────────────
  let written = null;
  document.addEventListener("focusin", (event) => {
    if (event.target.closest("[data-variables]")) written = event.target;
  });
  document.addEventListener("click", (event) => {
    const variable = event.target.closest("[data-insert]");
    if (!variable) return;
    const field = written?.isConnected ? written : document.getElementById(variable.dataset.into);
    field.setRangeText(variable.dataset.insert, field.selectionStart, field.selectionEnd, "end");
    field.focus();
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });

  // ── the stream ─────────────────────────────────────────────────────────────
  let leaving = false;
  addEventListener("pagehide", () => { leaving = true; });
  document.addEventListener("htmx:sseOpen", (event) => {
    offline(false);
    event.detail.source.addEventListener("signed-out", () => location.reload());
  });
  document.addEventListener("htmx:sseError", (event) => {
    if (leaving) return;
    offline(true);
    // A refusal, not a lost line: when the session is over, the page itself says so by its redirect.
    if (event.detail.source?.readyState === EventSource.CLOSED) {
      fetch(location.href, { method: "HEAD", redirect: "manual" })
        .then((answer) => { if (answer.type === "opaqueredirect") location.reload(); })
        .catch(() => {});
    }
  });
  document.addEventListener("htmx:sseMessage", () => { tick(); announce(); tellNews(); });
  document.addEventListener("htmx:load", (event) => { tick(); speak(event); });
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.elt.closest(".card-ticket")) document.getElementById("announcer").replaceChildren();
    for (const id of ["notice", "moves-notice"]) document.getElementById(id)?.replaceChildren();
  });

  tick();
  setInterval(() => { tick(); announce(); }, 1000);

  // What one click does to a ticket takes along what is typed in its form already.
  document.addEventListener("submit", (event) => {
    const form = event.target.closest(".quick") && document.querySelector('form[data-key="form"]');
    const field = form && begun(form) && form.elements[event.submitter?.name];
    if (!field) return;
    event.preventDefault();
    field.value = event.submitter.value;
    form.requestSubmit();
  });

  // A file is sent as it is, not as a form: the server reads it piece by piece.
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-upload]");
    if (!form) return;
    event.preventDefault();
    const bar = form.querySelector("progress");
    const button = form.querySelector("button");
    const request = new XMLHttpRequest(); // fetch tells nothing of how much is sent
    request.open("POST", form.getAttribute("action"));
    request.setRequestHeader("Content-Type", "text/csv");
    request.setRequestHeader("X-CSRF-Token", form.dataset.csrf);
    request.setRequestHeader("HX-Request", "true"); // what is wrong comes as a notice
    request.upload.addEventListener("progress", (sent) => {
      if (sent.lengthComputable) bar.value = sent.loaded / sent.total;
    });
    request.addEventListener("loadend", () => {
      const place = request.getResponseHeader("Location");
      if (request.status === 201 && place) {
        location.assign(place);
        return;
      }
      bar.hidden = true;
      button.disabled = false;
      const notice = document.getElementById("notice");
      if (request.responseText) notice.innerHTML = request.responseText; // our own markup, escaped by the server
    });
    bar.hidden = false;
    button.disabled = true;
    request.send(form.querySelector("input[type=file]").files[0]);
  });
})();
