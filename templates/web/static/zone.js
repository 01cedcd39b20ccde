// The browser knows its own zone better than our list does. Without this script the course's zone stands.
const select = document.querySelector("select[data-guess]");
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (select && zone && zone.includes("/")) {
  if (![...select.options].some((option) => option.value === zone)) {
    select.add(new Option(zone.replace(/_/g, " "), zone));
  }
  select.value = zone;
}
