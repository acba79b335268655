// Finding the athlete by typing, or by team without leaving the form. Without this file the list is chosen from, and
// the team's button loads the page with that team's athletes.

const select = document.getElementById("athlete_id");
const input = document.getElementById("athlete-search");
const found = document.getElementById("athlete-found");
const note = document.getElementById("athletes-note");
const team = document.getElementById("team");
const atFirst = [...select.options];
const LIMIT = 50;
const WAIT_MS = 200;

let waiting = null;
let asked = 0;

function option(athlete) {
  const label = athlete.external_id ? `${athlete.name} (No. ${athlete.external_id})` : athlete.name;
  return new Option(label, athlete.id);
}

function fill(options) {
  const chosen = select.selectedOptions[0];
  const values = new Set(options.map((one) => one.value));
  const always = atFirst.filter((one) => (one.value === "" || one.value === "nobody") && !values.has(one.value));
  const kept = chosen?.value && !values.has(chosen.value) && !always.includes(chosen) ? [chosen] : [];
  select.replaceChildren(...always.filter((one) => one.value === ""), ...kept, ...options, ...always.filter((one) => one.value !== ""));
  if (chosen) select.value = chosen.value;
}

function tell(athletes, more, isSearch) {
  if (athletes.length === 0) found.textContent = isSearch ? "Nobody is called so." : "Nobody is in this team.";
  else if (athletes.length === 1) found.textContent = `${athletes[0].name} is chosen.`;
  else found.textContent = `${athletes.length}${more ? " and more" : ""} found: choose below.`;
}

async function look() {
  const search = input.value.trim();
  const mine = ++asked;
  if (!search && !team?.value) {
    fill(atFirst);
    found.textContent = "";
    return;
  }
  const query = new URLSearchParams({ active: "true", limit: search ? LIMIT : 200 });
  if (search) query.set("search", search);
  if (team?.value) query.set("team_id", team.value);
  try {
    const answer = await fetch(`/api/v1/athletes?${query}`, { headers: { Accept: "application/json" } });
    if (mine !== asked) return;
    if (!answer.ok) throw new Error(answer.status);
    const page = await answer.json();
    fill(page.items.map(option));
    if (search && page.items.length === 1) select.value = page.items[0].id;
    if (search) tell(page.items, page.next_cursor !== null, true);
    else if (page.items.length === 0) tell([], false, false);
    else found.textContent = "";
  } catch {
    if (mine === asked) found.textContent = "The roster cannot be searched just now; choose from the list.";
  }
}

function soon() {
  clearTimeout(waiting);
  waiting = setTimeout(look, WAIT_MS);
}

document.getElementById("athlete-search-field").hidden = false;
document.getElementById("team-show")?.remove();
if (note) note.hidden = true;
input.addEventListener("input", soon);
input.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  select.focus();
});
team?.addEventListener("change", look);
