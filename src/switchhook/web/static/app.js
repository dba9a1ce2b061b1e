// What the pages do by themselves: timers that run, times in the reader's own zone, the player,
// and a word when the stream is lost. Everything else is the server's.

const language = document.body.dataset.language;
// The server's clock and this one may differ; timers count on the server's.
const skew = Number(document.body.dataset.now) - Date.now();
const TICK = 1000;

const day = new Intl.DateTimeFormat(language, { day: "numeric", month: "short" });
const minute = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const second = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23", second: "2-digit" });
const full = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "medium" });

function length(seconds) {
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (n) => String(n).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

function tick() {
  const now = Date.now() + skew;
  for (const timer of document.querySelectorAll("[data-since]")) {
    const text = length(Math.max(0, Math.floor((now - Number(timer.dataset.since)) / 1000)));
    // Writing is a change that would bring us here again.
    if (timer.textContent !== text) timer.textContent = text;
  }
}

function showTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]:not([title])")) {
    const at = new Date(time.dateTime);
    time.title = full.format(at);
    if ("exact" in time.dataset) {
      time.textContent = second.format(at);
    } else {
      const isToday = at.toDateString() === new Date().toDateString();
      time.textContent = isToday ? minute.format(at) : `${day.format(at)}, ${minute.format(at)}`;
    }
  }
}

tick();
setInterval(tick, TICK);
showTimes(document);
new MutationObserver(() => {
  showTimes(document);
  tick();
}).observe(document.querySelector("main"), { childList: true, subtree: true });

// ── The stream ──────────────────────────────────────────────────────────

const lost = document.getElementById("lost");
const cards = document.getElementById("cards");
const history = document.getElementById("history");

document.body.addEventListener("htmx:sseOpen", () => { lost.hidden = true; });
document.body.addEventListener("htmx:sseError", () => { lost.hidden = false; });

// Each message is the newest state of one call; the page puts it where it belongs.
document.body.addEventListener("htmx:sseBeforeMessage", (event) => {
  event.preventDefault();
  const { type, data } = event.detail;
  if (type === "reload") {
    location.reload();
    return;
  }
  const made = document.createElement("template");
  made.innerHTML = data;
  const piece = made.content.querySelector("[data-call]");
  if (piece) (type === "card" ? putCard : putRow)(piece, piece.dataset.call);
});

function putCard(card, id) {
  document.getElementById(`call-${id}`)?.remove();
  const old = document.getElementById(`card-${id}`);
  if (old) {
    card.classList.add("is-known");
    old.replaceWith(card);
  } else {
    cards.prepend(card);
  }
}

function putRow(row, id) {
  document.getElementById(`card-${id}`)?.remove();
  const old = document.getElementById(`call-${id}`);
  if (old) {
    const summary = old.querySelector("summary");
    const hadFocus = document.activeElement === summary;
    summary.replaceWith(row.querySelector("summary"));
    if (hadFocus) old.querySelector("summary").focus();
    const details = old.querySelector("details");
    if (details.open) htmx.trigger(details.querySelector(".details"), "refresh");
    return;
  }
  const started = Number(row.dataset.started);
  const rows = [...history.querySelectorAll(":scope > [data-started]")];
  const next = rows.find((other) => Number(other.dataset.started) <= started);
  const end = history.querySelector(":scope > .older");
  // What began before everything shown here comes with its page of older calls.
  if (!next && end) return;
  row.classList.add("is-new");
  history.insertBefore(row, next ?? end ?? history.querySelector(":scope > .empty"));
  htmx.process(row);
}

// ── The player ──────────────────────────────────────────────────────────

const player = document.getElementById("player");
const audio = document.getElementById("audio");

function stop() {
  audio.pause();
  audio.removeAttribute("src");
  player.hidden = true;
  for (const link of document.querySelectorAll(".play[aria-current]")) link.removeAttribute("aria-current");
}

document.addEventListener("click", (click) => {
  const link = click.target.closest("a.play:not(.is-away)");
  if (!link || click.ctrlKey || click.metaKey || click.shiftKey) return;
  click.preventDefault();
  const isSame = link.hasAttribute("aria-current");
  stop();
  if (isSame) return;
  link.setAttribute("aria-current", "true");
  document.getElementById("player-title").textContent = link.dataset.title;
  player.hidden = false;
  audio.src = link.href;
  audio.play().catch(() => {});
});
document.getElementById("player-close").addEventListener("click", stop);
document.addEventListener("keydown", (key) => { if (key.key === "Escape" && !player.hidden) stop(); });
