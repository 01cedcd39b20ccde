// Saves what is answered at each change, so that closing the page loses nothing. Without it "Continuer" saves.
const form = document.querySelector("form[data-save]");
const status = form && form.querySelector(".saved");
const preview = document.querySelector("[data-preview]");
let waiting, latest = 0;

async function save() {
  const body = new FormData(form);
  body.set("go", "save");
  const mine = ++latest;
  try {
    const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(body), keepalive: true });
    if (mine !== latest) return;
    if (answer.status === 422) { status.textContent = ""; return; }
    if (!answer.ok) throw new Error(String(answer.status));
    status.textContent = status.dataset.saved;
    if (preview && answer.status === 200) preview.innerHTML = await answer.text();
  } catch (error) {
    if (mine === latest) status.textContent = status.dataset.failed;
  }
}

if (form) {
  form.addEventListener("change", save);
  form.addEventListener("input", (event) => {
    if (!event.target.matches("textarea, input:not([type=radio], [type=checkbox])")) return;
    clearTimeout(waiting);
    waiting = setTimeout(save, 800);
  });
}
