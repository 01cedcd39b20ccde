// Saves what is answered at each change, so that closing the page loses nothing. Without it "Continuer" saves.
const form = document.querySelector("form[data-save]");
const status = form && form.querySelector(".saved");
const preview = document.querySelector("[data-preview]");
const PATIENCE = 3000; // milliseconds that "Continuer" waits for a save under way
const KEEPALIVE = 60000; // bytes; browsers refuse more in a request that outlives its page
let timer = 0, unsaved = false, saving = false, leaving = false;
let last = Promise.resolve();

// One request after the other: an older answer never overtakes a newer one, and the first reply brings the
// cookie without which the next request would be a stranger's.
function save() {
  unsaved = true;
  last = last.then(() => unsaved && send());
}

async function send() {
  clearTimeout(timer);
  unsaved = false;
  saving = true;
  const body = new URLSearchParams(new FormData(form));
  body.set("go", "save");
  const keepalive = body.toString().length < KEEPALIVE;
  try {
    const answer = await fetch(form.action, { method: "POST", body, keepalive });
    if (answer.status === 409) return location.reload(); // handed in elsewhere: the page says so
    if (!answer.ok && answer.status !== 422) throw new Error(String(answer.status));
    status.textContent = answer.ok ? status.dataset.saved : "";
    if (preview && answer.status === 200) preview.innerHTML = await answer.text();
  } catch (error) {
    status.textContent = status.dataset.failed;
  } finally {
    saving = false;
  }
}

function saveAtOnce() {
  if (unsaved && !leaving) send();
}

if (form) {
  form.addEventListener("change", save);
  form.addEventListener("input", (event) => {
    if (!event.target.matches("textarea, input:not([type=radio], [type=checkbox])")) return;
    unsaved = true;
    clearTimeout(timer);
    timer = setTimeout(save, 800);
  });
  form.addEventListener("submit", (event) => {
    clearTimeout(timer);
    unsaved = false; // the form itself carries everything
    if (!saving || leaving) { leaving = true; return; }
    event.preventDefault();
    leaving = true;
    const patience = new Promise((over) => setTimeout(over, PATIENCE));
    Promise.race([last, patience]).then(() => form.requestSubmit(event.submitter));
  });
  addEventListener("pageshow", () => { leaving = false; });
  addEventListener("pagehide", saveAtOnce);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") saveAtOnce();
  });
}
