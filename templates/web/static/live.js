// Redraws the part of a page that shows work under way; once the work is over, the whole page.
const shown = document.querySelector("[data-live]");
const EVERY = 1500; // milliseconds

async function look() {
  try {
    const answer = await fetch(location.href);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("[data-live]");
    if (!fresh) return location.replace(location.pathname);
    shown.replaceChildren(...fresh.childNodes);
  } catch { /* the next look may come through */ }
  setTimeout(look, EVERY);
}

if (shown) setTimeout(look, EVERY);
