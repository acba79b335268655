// The upload form with progress. Without this file the form is sent the ordinary way.

const form = document.getElementById("upload-form");
const input = document.getElementById("video");
const button = document.getElementById("upload-button");
const stop = document.getElementById("upload-cancel");
const status = document.getElementById("upload-status");
const head = document.getElementById("upload-head");
const detail = document.getElementById("upload-detail");
const bar = document.getElementById("upload-bar");
const live = document.getElementById("upload-live");
const problem = document.getElementById("upload-problem");
const chosen = document.getElementById("video-chosen");
const limit = Number(form.dataset.maxBytes);

const megabytes = (bytes) => `${(bytes / 1048576).toFixed(1).replace(/\.0$/, "")} MB`;

function complain(message, fix) {
  document.getElementById("upload-problem-text").textContent = message;
  document.getElementById("upload-problem-fix").textContent = fix;
  problem.hidden = false;
}

function leaveOngoing(event) {
  event.preventDefault();
}

function setBusy(busy) {
  button.disabled = busy;
  status.hidden = !busy;
  stop.hidden = !busy;
  if (busy) window.addEventListener("beforeunload", leaveOngoing);
  else window.removeEventListener("beforeunload", leaveOngoing);
}

const movement = document.getElementById("movement");
const boxField = document.getElementById("box-field");

function askForBox() {
  boxField.hidden = !movement.selectedOptions[0]?.hasAttribute("data-has-box");
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

function showProgress(event, startedAt) {
  const share = event.total ? event.loaded / event.total : 0;
  const seconds = (performance.now() - startedAt) / 1000;
  const left = share > 0.03 && share < 1 ? Math.ceil((seconds / share) * (1 - share)) : null;
  bar.value = share * 100;
  detail.textContent = `${Math.round(share * 100)} %, ${megabytes(event.loaded)} of ${megabytes(event.total)}${left === null ? "" : `, about ${left} s left`}`;
  const quarter = Math.floor(share * 4) * 25;
  if (live.dataset.quarter !== String(quarter)) {
    live.dataset.quarter = String(quarter);
    live.textContent = `Uploaded ${quarter} per cent`;
  }
}

function send() {
  const request = new XMLHttpRequest();
  const startedAt = performance.now();
  request.open("POST", form.action);
  request.setRequestHeader("Accept", "text/html");
  request.setRequestHeader("X-Plumbline-Upload", "script");
  request.upload.addEventListener("progress", (event) => showProgress(event, startedAt));
  request.upload.addEventListener("load", () => {
    head.lastChild.textContent = "Checking the video";
    detail.textContent = "";
    bar.removeAttribute("value");
  });
  request.addEventListener("load", () => finish(request));
  request.addEventListener("error", () => {
    setBusy(false);
    complain("The connection was lost before the video had arrived.", "Check the network and choose “Upload and analyse” again. Your entries are still here.");
  });
  request.addEventListener("abort", () => setBusy(false));
  stop.onclick = () => request.abort();
  head.lastChild.textContent = "Uploading";
  bar.value = 0;
  setBusy(true);
  request.send(new FormData(form));
}

function finish(request) {
  window.removeEventListener("beforeunload", leaveOngoing);
  const next = request.getResponseHeader("X-Plumbline-Location");
  if (next) {
    window.location.assign(next);
    return;
  }
  setBusy(false);
  const answer = new DOMParser().parseFromString(request.responseText, "text/html");
  const said = (...selectors) => selectors.map((selector) => answer.querySelector(selector)?.textContent.trim()).find(Boolean);
  const message = said("#problem .notice-title", ".error-card h1") ?? "The upload did not work.";
  const fix = said("#problem p + p", ".error-card .lead") ?? "Try again in a moment.";
  complain(message, fix);
  for (const error of answer.querySelectorAll(".field-error")) complain(error.textContent.trim(), fix);
  problem.scrollIntoView({ block: "nearest" });
}

input.addEventListener("change", checkFile);
form.addEventListener("submit", (event) => {
  if (!form.reportValidity()) return;
  event.preventDefault();
  if (checkFile()) send();
});
