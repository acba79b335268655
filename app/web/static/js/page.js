// On every page: times in the reader's own zone, the first error in focus, the current tab in sight, and buttons that print.

const FORMATS = {
  date: { day: "numeric", month: "short", year: "numeric" },
  minute: { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" },
};

export function localiseTimes(root) {
  for (const element of root.querySelectorAll("time[data-local]")) {
    const when = new Date(element.dateTime);
    // A day without an hour is the same day everywhere.
    if (Number.isNaN(when.getTime()) || !element.dateTime.includes("T")) continue;
    element.textContent = new Intl.DateTimeFormat("en-GB", FORMATS[element.dataset.local]).format(when);
    element.title = `${element.dateTime} (UTC)`;
  }
}

localiseTimes(document);
document.addEventListener("htmx:after:swap", () => localiseTimes(document));
document.getElementById("problem")?.focus();

for (const tab of document.querySelectorAll(".tabs [aria-current]")) {
  const row = tab.closest("ul");
  const beyond = tab.getBoundingClientRect().right - row.getBoundingClientRect().right;
  if (beyond > 0) row.scrollLeft += beyond + tab.offsetWidth / 2;
}

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
