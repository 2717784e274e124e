// Makes forms that already work a little faster. Without this file every page works the same.
//
// A row of a review is sent in the background, and the row, the progress and the sign-off are
// taken from the page that the server answers with. Nothing is ever built from text here.

document.documentElement.classList.add("js");

const saved = document.getElementById("saved");
const looks = [2, 2, 3, 4, 6, 8, 12, 20, 30, 60]; // seconds between looks at an open removal

function say(text, bad) {
  if (!saved) return;
  saved.textContent = text;
  saved.classList.toggle("bad", Boolean(bad));
}

// One request whose answer is a parsed page; scripts of a page read this way never run.
function ask(method, url, body, byItself) {
  return new Promise((done, fail) => {
    const r = new XMLHttpRequest();
    r.open(method, url);
    if (byItself) r.setRequestHeader("Recert-Background", "yes"); // it does not count as use of the session
    r.responseType = "document";
    r.timeout = 20000;
    r.onload = () => done({ status: r.status, page: r.response });
    r.onerror = r.ontimeout = () => fail(new Error("no answer"));
    r.send(body);
  });
}

function take(page, id) {
  const mine = document.getElementById(id);
  const theirs = page && page.getElementById(id);
  if (!mine || !theirs) return null;
  const fresh = document.adoptNode(theirs);
  mine.replaceWith(fresh);
  return fresh;
}

const rowQuery = (row) => "item=" + encodeURIComponent(row.id.slice("item-".length));

// Sends a row's form. What the reader typed stays in the form when it could not be saved.
async function save(form, sender) {
  const row = form.closest("tr[data-row]");
  if (!row || form.dataset.busy) return;
  const data = new URLSearchParams(new FormData(form, sender));
  data.set("back", rowQuery(row));
  // The first thing in the cell names the row: a link to a person, or the bare name of an account.
  const who = [...row.querySelector("th").childNodes].map((n) => n.textContent.trim()).find(Boolean) || "";
  const focus = document.activeElement && row.contains(document.activeElement) ? document.activeElement : null;
  form.dataset.busy = "yes";
  row.setAttribute("aria-busy", "true");
  row.classList.add("busy");
  try {
    const answer = await ask("POST", form.action, data);
    const fresh = take(answer.page, row.id);
    if (!fresh) throw new Error("not the review");
    take(answer.page, "progress");
    take(answer.page, "sign-off");
    keepFocus(fresh, focus);
    watch(fresh);
    if (answer.status === 409) say("Not saved: someone else answered for " + who + " meanwhile.", true);
    else if (answer.status >= 400) say("Not saved for " + who + ". See the row.", true);
    else say((form.dataset.save === "undo" ? "Undone: " : "Saved: ") + who + ".");
  } catch {
    delete form.dataset.busy;
    row.removeAttribute("aria-busy");
    row.classList.remove("busy");
    form.classList.add("dirty");
    say("Not saved for " + who + ". You may be offline or signed out. Try Save again, or load the page anew.", true);
  }
}

// A replaced row would throw the keyboard back to the top of the page: focus goes to the same
// control of the new row, or to its answers.
function keepFocus(fresh, old) {
  if (!old) return;
  const same = [...fresh.querySelectorAll("a, button, input, summary, textarea")]
    .find((c) => c.tagName === old.tagName && c.name === old.name && c.value === old.value && c.textContent === old.textContent);
  const next = same || fresh.querySelector("input[name=answer]:checked, input[name=answer], a, button, summary");
  if (next) next.focus({ preventScroll: true });
}

// With a pointer a choice is saved at once. With the keyboard the arrows pass over "remove" on
// their way, so a choice waits for Save or Enter.
let pointer = 0;
document.addEventListener("pointerup", () => { pointer = performance.now(); }, true);
document.addEventListener("change", (e) => {
  const form = e.target.closest("form[data-save=answer]");
  if (!form || e.target.name !== "answer") return;
  form.classList.add("dirty");
  if (performance.now() - pointer < 700) save(form);
});
document.addEventListener("submit", (e) => {
  const form = e.target.closest("form[data-save]");
  if (!form || !form.closest("tr[data-row]")) return;
  if (e.submitter && e.submitter.value === "not_mine") return; // the row is somebody else's then: a new page
  e.preventDefault();
  save(form, e.submitter);
});

// A row that the reader works in is left alone.
function inUse(row) {
  const at = document.activeElement;
  return row.classList.contains("busy") || row.querySelector(".dirty, details[open]") || (row.contains(at) && at.tagName === "TEXTAREA");
}

// A removal on its way is looked at again, less and less often, while the page is visible.
function watch(row, n = 0) {
  if (row.dataset.row !== "yes" || n >= looks.length) return;
  setTimeout(async () => {
    if (!row.isConnected) return;
    if (document.hidden || inUse(row)) return watch(row, n);
    try {
      const answer = await ask("GET", location.pathname + "?" + rowQuery(row), null, true);
      if (!row.isConnected) return;
      const focus = row.contains(document.activeElement) ? document.activeElement : null;
      const fresh = answer.status === 200 && !inUse(row) ? take(answer.page, row.id) : null;
      if (fresh) keepFocus(fresh, focus);
      watch(fresh || row, n + 1);
    } catch {
      watch(row, n + 1);
    }
  }, looks[n] * 1000);
}
for (const row of document.querySelectorAll("tr[data-row=yes]")) watch(row);

// A part of a page that changes while it is looked at: the server says when, and the part is taken
// from the page as it is then. Nothing is taken from under who is typing or choosing in it.
for (const part of document.querySelectorAll("[data-live]")) {
  const source = new EventSource(part.dataset.live);
  let again = false, busy = false;
  const used = () => {
    const now = document.getElementById(part.id);
    const at = document.activeElement;
    return now.querySelector("details[open]") || (now.contains(at) && at.matches("input, select, textarea"));
  };
  const renew = async () => {
    if (busy || document.hidden || used()) { again = true; return; }
    busy = true;
    again = false;
    try {
      const answer = await ask("GET", location.href, null, true);
      const focus = document.getElementById(part.id).contains(document.activeElement) ? document.activeElement : null;
      const fresh = answer.status === 200 && !used() ? take(answer.page, part.id) : null;
      if (fresh && focus) keepFocus(fresh, focus);
    } catch {
      again = true;
    }
    busy = false;
  };
  source.addEventListener("changed", renew);
  setInterval(() => { if (again) renew(); }, 3000);
  addEventListener("pagehide", () => source.close());
}

// What a form would ask about is counted while it is typed; the button counts where there is no script.
for (const form of document.querySelectorAll("form[data-count]")) {
  let turn = 0;
  form.addEventListener("input", (e) => {
    if (!e.target.closest("[data-counts]")) return;
    const mine = ++turn;
    setTimeout(async () => {
      if (mine !== turn) return;
      try {
        const typed = new URLSearchParams(new FormData(form));
        typed.set(form.dataset.count, "yes");
        const answer = await ask("POST", form.action, typed, true);
        if (mine === turn && answer.status === 200) take(answer.page, "count");
      } catch {
        // the button is still there
      }
    }, 500);
  });
}

// The menu closes like a menu.
document.addEventListener("keydown", (e) => {
  if (e.key !== "Escape") return;
  const menu = document.querySelector("details.menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});
document.addEventListener("click", (e) => {
  const menu = document.querySelector("details.menu[open]");
  if (menu && !menu.contains(e.target)) menu.open = false;
});
