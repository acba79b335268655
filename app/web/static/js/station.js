// A phone at a station: find the athlete by card, bib or name, choose the video, go on with the next.
// Videos are kept on the phone until they are sent. Without this file the form sends one video at a time, whole.

import { CardReader } from "./station-camera.js";
import * as kept from "./station-kept.js";
import { Sending } from "./station-sending.js";

const form = document.getElementById("station-form");
const input = document.getElementById("video");
const list = document.getElementById("station-list");
const search = document.getElementById("station-search");
const scan = document.getElementById("station-scan");
const said = document.getElementById("station-scan-note");
const queue = document.getElementById("station-queue");
const live = document.getElementById("station-live");
const counts = document.getElementById("station-counts");
const safety = document.getElementById("station-safety");
const own = document.getElementById("station-kept")?.dataset.station;
const who = document.getElementById("station-who");
const bib = document.getElementById("bib");
const limit = Number(form?.dataset.maxBytes ?? 0);

const PEOPLE_MS = 20000;
const FEW = 5;
const CARD = /^PLUMBLINE:[0-9A-F]{32}$/;
const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
let saidByCard = false;

// --- whom it shows ---

function chosen() {
  return form.querySelector("input[name=athlete_id]:checked");
}

function showChosen() {
  const person = chosen()?.closest(".person");
  who.hidden = !person;
  if (!person) return;
  const label = person.querySelector(".choice-label");
  const number = label.querySelector(".person-bib")?.textContent ?? "";
  document.getElementById("station-bib").textContent = number;
  document.getElementById("station-name").textContent = label.textContent.replace(number, "").trim();
  document.getElementById("station-note").textContent = person.querySelector(".choice-hint").textContent;
}

function filter() {
  const words = fold(search.value).split(/\s+/).filter(Boolean);
  for (const person of list.querySelectorAll(".person")) {
    const parts = fold(person.dataset.find).split(/[\s-]+/);
    person.hidden = !words.every((word) => parts.some((part) => part.startsWith(word)));
  }
}

async function refreshPeople() {
  const answer = await fetch("/station/people");
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const person of fresh.querySelectorAll(".person")) {
    const old = list.querySelector(`[data-card="${CSS.escape(person.dataset.card)}"]`);
    if (!old) {
      list.append(person);
      continue;
    }
    old.classList.toggle("is-complete", person.classList.contains("is-complete"));
    old.querySelector(".choice-hint").textContent = person.querySelector(".choice-hint").textContent;
  }
  showChosen();
}

// --- cards ---

const reader = form && new CardReader(document.getElementById("station-camera"), { fallback: form.dataset.readers.split(" ")[0] });

function showScan() {
  scan.lastElementChild.textContent = reader.isOn ? "Stop the camera" : "Scan a card";
}

function take(text) {
  const card = text.trim().toUpperCase();
  const person = list.querySelector(`[data-card="${CSS.escape(card)}"]`);
  if (!person) {
    said.textContent = CARD.test(card)
      ? "This card is of nobody in this team. Find the athlete by bib or name, or choose “I do not know”."
      : "This is no athlete's card.";
    return false;
  }
  person.querySelector("input").checked = true;
  saidByCard = true;
  said.textContent = "";
  showChosen();
  input.focus();
  navigator.vibrate?.(80);
  return true;
}

async function switchCamera() {
  said.textContent = "";
  if (reader.isOn) reader.stop();
  else {
    said.textContent = "Hold the card in front of the camera.";
    await reader.start(take, showScan).catch((error) => {
      reader.stop();
      said.textContent = error.message;
      search.focus();
    });
  }
  showScan();
}

// --- what is kept and sent ---

const lines = new Map();
const sending = own && new Sending(own, show);

function button(label, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "btn btn-small";
  made.textContent = label;
  made.addEventListener("click", act);
  return made;
}

function addLine(video) {
  const line = document.createElement("li");
  const text = document.createElement("p");
  text.className = "queue-line";
  const name = document.createElement("strong");
  const state = document.createElement("span");
  const bar = document.createElement("progress");
  const actions = document.createElement("p");
  name.textContent = video.label;
  bar.max = 100;
  bar.setAttribute("aria-label", `Upload of the video of ${video.label}`);
  actions.className = "actions";
  text.append(name, state);
  line.append(text, bar, actions);
  queue.prepend(line);
  const made = { line, state, bar, actions };
  lines.set(video.id, made);
  return made;
}

function save(video) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(video.file);
  link.download = `${video.label} ${video.told.filename}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

function actionsOf(video) {
  const isElsewhere = video.station !== own;
  if (video.state === "sent" || (video.state === "waiting" && !isElsewhere)) return [];
  const drop = () => {
    if (!window.confirm(`Remove the video of ${video.label} from this phone? It has not been sent.`)) return;
    sending.remove(video).then(() => {
      lines.get(video.id).line.remove();
      lines.delete(video.id);
      showCounts();
    });
  };
  const again = () => sending.change(video, { state: "waiting", problem: null }).then(() => sending.run());
  return [
    ...(isElsewhere ? [] : [button("Try again", again)]),
    button("Save as a file", () => save(video)),
    button("Remove", drop),
  ];
}

function wordsOf(video, share) {
  if (video.state === "sent") return "sent";
  if (video.state === "refused") return [video.problem.message, video.problem.how_to_fix].filter(Boolean).join(" ");
  if (video.station !== own) return "of another station: come in there again to send it";
  if (share === undefined) return navigator.onLine ? "waiting" : "waiting for the network; it is kept on this phone";
  return share < 1 ? "sending" : "checking the video";
}

function show(video, share) {
  const { state, bar, actions } = lines.get(video.id) ?? addLine(video);
  state.textContent = wordsOf(video, share);
  bar.hidden = video.state !== "waiting";
  bar.value = (share ?? 0) * 100;
  if (share !== undefined) return;
  actions.replaceChildren(...actionsOf(video));
  actions.hidden = !actions.childElementCount;
  if (video.state === "refused") live.textContent = `The video of ${video.label} is not sent.`;
  if (video.state === "sent" && form) refreshPeople().catch(() => {});
  showCounts().catch(() => {});
}

function leaveOngoing(event) {
  event.preventDefault();
}

async function showCounts() {
  const videos = await sending.all();
  const n = (state) => videos.filter((video) => video.state === state).length;
  const parts = [`${n("waiting")} waiting`, `${n("sent")} sent`];
  if (n("refused")) parts.push(`${n("refused")} to look at`);
  counts.textContent = parts.join(", ");
  counts.hidden = videos.length === 0;
  const open = videos.filter((video) => sending.isInMemory(video));
  if (open.length) window.addEventListener("beforeunload", leaveOngoing);
  else window.removeEventListener("beforeunload", leaveOngoing);
  await showSafety(videos, open.length);
}

async function showSafety(videos, nInMemory) {
  const left = videos.filter((video) => video.state !== "sent");
  const usual = left.reduce((sum, video) => sum + video.file.size, 0) / Math.max(1, left.length);
  const nMore = Math.floor((await kept.room()) / Math.max(usual, 1));
  safety.hidden = left.length === 0;
  safety.classList.toggle("is-urgent", nInMemory > 0 || nMore < FEW);
  if (nInMemory) {
    safety.textContent = `This phone cannot keep ${nInMemory === 1 ? "one of the videos" : `${nInMemory} of the videos`}: leave this page open until it is sent.`;
  } else if (nMore < FEW) {
    safety.textContent = `The phone is nearly full: there is room for ${nMore} more. Find a network, or go on with the phone's camera and send later.`;
  } else safety.textContent = "What waits is kept on this phone, even when this page is closed, and sent when there is a network.";
}

async function start() {
  for (const video of await sending.all()) {
    const isMine = video.station === own;
    // the door is open again
    if (isMine && video.state === "refused" && [401, 403, 409].includes(video.problem.status)) {
      await sending.change(video, { state: "waiting", problem: null });
    } else if (video.state !== "sent") show(video);
  }
  await showCounts();
  sending.run();
  if (form) kept.keepPage(form.dataset.readers.split(" ")).catch(() => {});
}

function tell(file) {
  const picked = chosen();
  const told = { filename: file.name, size_bytes: file.size, client_ref: crypto.randomUUID() };
  if (Number.isFinite(file.lastModified)) told.captured_at = new Date(file.lastModified).toISOString();
  if (picked.value && saidByCard) told.card = picked.closest(".person").dataset.card;
  else if (picked.value) told.athlete_id = picked.value;
  else if (bib.value.trim()) told.bib = bib.value.trim();
  return told;
}

if (form) {
  document.getElementById("station-search-field").hidden = false;
  search.addEventListener("input", filter);
  search.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    const left = [...list.querySelectorAll(".person:not([hidden]) input")];
    if (left.length !== 1) return;
    left[0].checked = true;
    saidByCard = false;
    showChosen();
  });
  form.addEventListener("change", (event) => {
    if (event.target.name !== "athlete_id") return;
    saidByCard = false;
    showChosen();
  });
  scan.hidden = !CardReader.isPossible;
  scan.addEventListener("click", switchCamera);
  setInterval(() => refreshPeople().catch(() => {}), PEOPLE_MS);
  form.addEventListener("submit", (event) => {
    if (!form.reportValidity() || !globalThis.tus?.isSupported || !window.isSecureContext) return;
    event.preventDefault();
    const file = input.files[0];
    if (file.size > limit || file.size === 0) {
      live.textContent = "";
      said.textContent = file.size
        ? "The video is too large. Trim it to a few seconds around the jump."
        : "The file is empty. Wait until the phone has saved it.";
      input.focus();
      return;
    }
    const told = tell(file);
    kept.hold();
    sending.add({
      id: told.client_ref,
      station: own,
      label: document.getElementById("station-name").textContent,
      told,
      file,
      state: "waiting",
      problem: null,
      kept_at: Date.now(),
    });
    input.value = "";
    bib.value = "";
    window.scrollTo({ top: 0 });
  });
}

if (own) {
  document.getElementById("station-leave").addEventListener("submit", (event) => {
    const n = [...lines.values()].filter(({ bar, actions }) => !bar.hidden || actions.childElementCount).length;
    if (n && !window.confirm(`${n === 1 ? "One video is" : `${n} videos are`} not sent yet. They stay on this phone, and are sent when it comes to this station again. Leave all the same?`)) event.preventDefault();
    else kept.forgetPage().catch(() => {});
  });
  start().catch(() => {});
} else {
  kept.forgetPage().catch(() => {});
  kept.all().then((videos) => {
    const n = videos.filter((video) => video.state !== "sent").length;
    const note = document.getElementById("station-left");
    note.hidden = n === 0;
    note.textContent = `${n === 1 ? "One video" : `${n} videos`} on this phone ${n === 1 ? "is" : "are"} not sent yet. Come to the same station again to send ${n === 1 ? "it" : "them"}.`;
  }).catch(() => {});
}
