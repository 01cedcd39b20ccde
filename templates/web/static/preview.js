// Reloads the preview when a file of the course is saved.
const drawn = document.currentScript.dataset.state;
setInterval(async () => {
  try {
    const { state } = await (await fetch("/state")).json();
    if (state !== drawn) location.reload();
  } catch { /* the preview was stopped; the next try will tell */ }
}, 1000);
