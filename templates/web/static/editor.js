// Keeps the draft while one writes, draws the checks and the mail anew, and puts blocks in at the cursor.
// Without it "Enregistrer" does all of this.
const form = document.querySelector("[data-editor]");
const text = form.elements.text;
const status = form.querySelector(".saved");
const checks = document.getElementById("checks");
const frame = document.getElementById("frame");
let timer = 0, unsaved = false, saving = false, taken = false, leaving = false;
let last = Promise.resolve();

function say(what) {
  status.textContent = status.dataset[what] || "";
}

// One save after the other: each tells what it had read, and the answer to the one before brings that.
function save() {
  clearTimeout(timer);
  last = last.then(send);
  return last;
}

async function send() {
  if (!unsaved || taken || leaving) return;
  unsaved = false;
  saving = true;
  say("saving");
  try {
    const answer = await fetch(form.action, {
      method: "POST",
      body: new URLSearchParams(new FormData(form)),
      headers: { "X-Requested-With": "fetch" },
    });
    if (answer.status === 409) {
      taken = true;
      say("taken");
    } else if (!answer.ok || answer.redirected) {
      throw new Error(String(answer.status));
    } else {
      form.elements.read.value = answer.headers.get("X-Read");
      checks.innerHTML = await answer.text();
      if (!unsaved) say("saved");
      look();
    }
  } catch {
    unsaved = true;
    say("failed");
    timer = setTimeout(save, 5000);
  } finally {
    saving = false;
  }
}

text.addEventListener("input", () => {
  unsaved = true;
  if (taken) return;
  clearTimeout(timer);
  timer = setTimeout(save, 900);
});
form.addEventListener("submit", (event) => {
  clearTimeout(timer);
  unsaved = false; // the form itself carries everything
  if (!saving || leaving) { leaving = true; return; }
  event.preventDefault();
  leaving = true;
  last.then(() => form.requestSubmit());
});
addEventListener("pageshow", () => { leaving = false; });
addEventListener("beforeunload", (event) => { if (unsaved && !leaving) event.preventDefault(); });
addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "s") {
    event.preventDefault();
    unsaved = true;
    save();
  }
});

// The mail
function look() {
  if (!frame) return;
  const asked = new FormData(form);
  const sheet = asked.get("sheet") || frame.getAttribute("src").split("/mails/")[1].split("?")[0];
  const view = asked.get("view");
  const query = new URLSearchParams({ view, learner: asked.get("learner"), of: form.elements.read.value });
  frame.className = `frame frame-${view}`;
  frame.src = `${frame.dataset.base}${sheet}?${query}`;
  const test = document.getElementById("test");
  if (test) test.action = `${frame.dataset.base}${sheet}/test`;
}
for (const field of document.querySelectorAll(".looking input, .looking select")) {
  field.addEventListener("change", look);
}
const test = document.getElementById("test");
if (test) {
  test.addEventListener("submit", (event) => {
    if (!unsaved && !test.dataset.ready) {
      for (const name of ["learner", "view"]) {
        const field = Object.assign(document.createElement("input"), { type: "hidden", name });
        field.value = new FormData(form).get(name);
        test.append(field);
      }
      test.dataset.ready = "yes";
      leaving = true;
    } else if (unsaved) {
      event.preventDefault();
      save().then(() => { if (!unsaved) test.requestSubmit(); });
    }
  });
}

// Blocks
for (const hint of document.querySelectorAll("[data-without-script]")) hint.hidden = true;
for (const list of document.querySelectorAll(".palette ul")) list.classList.add("with-script");
for (const item of document.querySelectorAll("[data-insert]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = item.querySelector(".snippet").textContent;
  button.title = item.dataset.insert;
  button.addEventListener("click", () => insert(item.dataset.insert));
  item.replaceChildren(button);
}

function insert(snippet) {
  const from = text.selectionStart;
  const block = snippet.endsWith("\n");
  const before = text.value.slice(0, from);
  const lead = block && before && !before.endsWith("\n\n") ? (before.endsWith("\n") ? "\n" : "\n\n") : "";
  text.focus();
  // Old as it is, only this keeps what "undo" undoes.
  if (!document.execCommand("insertText", false, lead + snippet)) {
    text.setRangeText(lead + snippet, from, text.selectionEnd, "end");
    text.dispatchEvent(new Event("input"));
  }
  const empty = snippet.indexOf("[]");
  if (empty >= 0) text.setSelectionRange(from + empty + 1, from + empty + 1);
}

// Lines
function go(number) {
  const lines = text.value.split("\n");
  const at = lines.slice(0, number - 1).join("\n").length + (number > 1 ? 1 : 0);
  text.focus();
  text.setSelectionRange(at, at + (lines[number - 1] || "").length);
  text.scrollTop = Math.max(0, (number - 5) * (text.scrollHeight / lines.length));
}
checks.addEventListener("click", (event) => {
  const link = event.target.closest("[data-line]");
  if (!link) return;
  event.preventDefault();
  go(Number(link.dataset.line));
});
const asked = /^#L(\d+)$/.exec(location.hash);
if (asked) go(Number(asked[1]));
