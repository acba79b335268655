// The upload form in pieces: what has arrived stays when the line breaks, the page is closed or the phone sleeps.
// Without this file, or without tus, the form is sent the ordinary way, whole.

const form = document.getElementById("upload-form");
const input = document.getElementById("video");
const button = document.getElementById("upload-button");
const pause = document.getElementById("upload-pause");
const stop = document.getElementById("upload-cancel");
const status = document.getElementById("upload-status");
const head = document.getElementById("upload-head");
const detail = document.getElementById("upload-detail");
const bar = document.getElementById("upload-bar");
const live = document.getElementById("upload-live");
const problem = document.getElementById("upload-problem");
const chosen = document.getElementById("video-chosen");
const limit = Number(form.dataset.maxBytes);

const CAPTURES = "/api/v1/captures";
const AGAIN_MS = 3000;
const SILENCE_MS = 30000;
const NOBODY = "nobody";
const megabytes = (bytes) => `${(bytes / 1048576).toFixed(1).replace(/\.0$/, "")} MB`;

let upload = null;
let captureUrl = null;
let again = null;
let silence = null;
let paused = false;

function complain(message, fix) {
  document.getElementById("upload-problem-text").textContent = message;
  document.getElementById("upload-problem-fix").textContent = fix;
  problem.hidden = false;
  problem.scrollIntoView({ block: "nearest" });
}

function leaveOngoing(event) {
  event.preventDefault();
}

function say(text) {
  head.lastChild.textContent = text;
}

function setBusy(busy) {
  button.disabled = busy;
  for (const part of [status, pause, stop]) part.hidden = !busy;
  if (busy) window.addEventListener("beforeunload", leaveOngoing);
  else window.removeEventListener("beforeunload", leaveOngoing);
}

const movement = document.getElementById("movement");
const boxField = document.getElementById("box-field");
const hasBox = () => movement.selectedOptions[0]?.hasAttribute("data-has-box");

function askForBox() {
  boxField.hidden = !hasBox();
}

movement.addEventListener("change", askForBox);
askForBox();

function checkFile() {
  const file = input.files[0];
  problem.hidden = true;
  chosen.hidden = !file;
  if (!file) return false;
  chosen.textContent = `${file.name}, ${megabytes(file.size)}`;
  if (file.size > limit) {
    complain("The video is too large.", `Trim it to a few seconds around the jump. It has ${megabytes(file.size)}; the limit is ${megabytes(limit)}.`);
    return false;
  }
  if (file.size === 0) {
    complain("The file is empty.", "Wait until the phone has finished saving the video, then choose it again.");
    return false;
  }
  return true;
}

// --- what is announced ---

function number(text) {
  const plain = text.trim().toLowerCase().replace(/cm$/, "").trim().replace(",", ".");
  if (plain === "") return null;
  return Number.isFinite(Number(plain)) ? Number(plain) : text;
}

function announcement(file) {
  const fields = new FormData(form);
  const athlete = fields.get("athlete_id");
  return {
    athlete_id: athlete === NOBODY ? null : athlete,
    movement: fields.get("movement"),
    view: fields.get("view"),
    box_height_cm: hasBox() ? number(fields.get("box_height_cm")) : null,
    trial_number: number(fields.get("trial_number")),
    filename: file.name,
    size_bytes: file.size,
  };
}

// The same file with the same entries, chosen again after the page was closed, goes on where it was. Kept here is an id alone.
function memory(file, told) {
  let hash = 0;
  for (const letter of JSON.stringify([told, file.lastModified])) hash = (Math.imul(hash, 31) + letter.codePointAt(0)) | 0;
  return `plumbline-upload-${hash >>> 0}`;
}

async function ask(url, options = {}) {
  const answer = await fetch(url, { headers: { Accept: "application/json", "Content-Type": "application/json" }, ...options });
  return { ok: answer.ok, status: answer.status, body: answer.status === 204 ? {} : await answer.json() };
}

async function findCapture(file, told) {
  const key = memory(file, told);
  const known = localStorage.getItem(key);
  if (known) {
    const found = await ask(`${CAPTURES}/${known}`);
    if (found.ok && ["awaiting_upload", "received"].includes(found.body.state)) return found.body;
    localStorage.removeItem(key);
  }
  const made = await ask(CAPTURES, { method: "POST", body: JSON.stringify(told) });
  if (!made.ok) throw made.body;
  localStorage.setItem(key, made.body.id);
  return made.body;
}

// --- the file ---

function showProgress(sent, total, startedAt, from) {
  const share = total ? sent / total : 0;
  const seconds = (performance.now() - startedAt) / 1000;
  const left = sent > from && share < 1 && seconds > 1 ? Math.ceil((seconds / (sent - from)) * (total - sent)) : null;
  say(share < 1 ? "Uploading" : "Checking the video");
  bar.value = share * 100;
  detail.textContent = `${Math.round(share * 100)} %, ${megabytes(sent)} of ${megabytes(total)}${left === null ? "" : `, about ${left} s left`}`;
  const quarter = Math.floor(share * 4) * 25;
  if (live.dataset.quarter !== String(quarter)) {
    live.dataset.quarter = String(quarter);
    live.textContent = `Uploaded ${quarter} per cent`;
  }
}

// A line that is dead says nothing for minutes: give it up, ask how much has arrived, and go on from there.
function listen() {
  clearTimeout(silence);
  silence = setTimeout(() => {
    upload?.abort();
    waitForLine();
  }, SILENCE_MS);
}

function waitForLine() {
  clearTimeout(silence);
  clearTimeout(again);
  say("Waiting for the network");
  live.textContent = "The connection is lost. What has arrived is kept; the upload goes on by itself.";
  again = setTimeout(goOn, AGAIN_MS);
}

function goOn() {
  clearTimeout(again);
  again = null;
  if (!upload || paused) return;
  listen();
  upload.start();
}

function refuse(body) {
  clearTimeout(silence);
  setBusy(false);
  upload = null;
  const fields = (body?.errors ?? []).map((error) => error.message).join(" ");
  complain(body?.message ?? "The upload did not work.", [fields, body?.how_to_fix ?? "Try again in a moment."].filter(Boolean).join(" "));
}

async function finish(key) {
  const done = await ask(captureUrl);
  localStorage.removeItem(key);
  window.removeEventListener("beforeunload", leaveOngoing);
  window.location.assign(`/recordings/${done.body.recording_id}${done.body.duplicate ? "?again=1" : ""}`);
}

function send(file, capture, key) {
  const way = capture.uploads.find((one) => one.kind === "tus");
  let startedAt = performance.now();
  let from = null;
  upload = new tus.Upload(file, {
    uploadUrl: new URL(way.url, window.location.href).href,
    storeFingerprintForResuming: false,
    retryDelays: null,
    onProgress(sent, total) {
      listen();
      if (from === null || sent < from) [from, startedAt] = [sent, performance.now()];
      showProgress(sent, total, startedAt, from);
    },
    onSuccess() {
      clearTimeout(silence);
      finish(key).catch(waitToFinish);
    },
    onError(error) {
      from = null;
      const answer = error.originalResponse;
      const code = answer?.getStatus() ?? 0;
      if (code === 0 || code === 409 || code === 423 || code === 429 || code >= 500) {
        waitForLine();
        return;
      }
      localStorage.removeItem(key);
      let body = null;
      try {
        body = JSON.parse(answer.getBody());
      } catch {
        // an answer without words, as to HEAD: the capture itself says why
      }
      if (body) refuse(body);
      else ask(captureUrl).then((found) => refuse(found.body.problem ?? null), () => refuse(null));
    },
  });
  const waitToFinish = () => setTimeout(() => finish(key).catch(waitToFinish), AGAIN_MS);
  goOn();
}

async function begin() {
  const file = input.files[0];
  const told = announcement(file);
  paused = false;
  pause.textContent = "Pause";
  say("Uploading");
  bar.value = 0;
  detail.textContent = "";
  setBusy(true);
  try {
    const capture = await findCapture(file, told);
    captureUrl = capture.links.self;
    const key = memory(file, told);
    if (capture.state === "received") await finish(key);
    else send(file, capture, key);
  } catch (error) {
    if (!(error instanceof TypeError)) {
      refuse(error);
      return;
    }
    setBusy(false);
    complain("There is no connection to the service.", "Check the network and choose “Upload and analyse” again. Your entries are still here.");
  }
}

pause.addEventListener("click", () => {
  paused = !paused;
  pause.textContent = paused ? "Continue" : "Pause";
  clearTimeout(again);
  clearTimeout(silence);
  if (paused) {
    upload?.abort();
    say("Paused");
    live.textContent = "Paused. What has arrived is kept.";
  } else {
    goOn();
  }
});

stop.addEventListener("click", () => {
  clearTimeout(again);
  clearTimeout(silence);
  upload?.abort();
  upload = null;
  if (captureUrl) ask(captureUrl, { method: "DELETE" }).catch(() => {});
  setBusy(false);
});

window.addEventListener("offline", () => {
  if (!upload || paused) return;
  upload.abort();
  waitForLine();
});

window.addEventListener("online", () => {
  if (again !== null) goOn();
});

input.addEventListener("change", checkFile);
form.addEventListener("submit", (event) => {
  if (!form.reportValidity() || !globalThis.tus?.isSupported) return;
  event.preventDefault();
  if (checkFile()) begin();
});
