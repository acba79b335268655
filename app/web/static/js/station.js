// A phone at a station: find the athlete by card, bib or name, choose the video, send it in pieces, go on with the next.
// Without this file the form sends one video at a time, whole.

const form = document.getElementById("station-form");
const input = document.getElementById("video");
const list = document.getElementById("station-list");
const search = document.getElementById("station-search");
const scan = document.getElementById("station-scan");
const camera = document.getElementById("station-camera");
const queue = document.getElementById("station-queue");
const live = document.getElementById("station-live");
const who = document.getElementById("station-who");
const bib = document.getElementById("bib");
const limit = Number(form?.dataset.maxBytes ?? 0);

const PEOPLE_MS = 20000;
const AGAIN_MS = 3000;
const LOOK_MS = 150;
const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
let saidByCard = false;
let waiting = 0;

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

let stream = null;

function stopCamera() {
  for (const track of stream?.getTracks() ?? []) track.stop();
  stream = null;
  camera.hidden = true;
  scan.lastElementChild.textContent = "Scan a card";
}

function take(text) {
  const person = list.querySelector(`[data-card="${CSS.escape(text.trim().toUpperCase())}"]`);
  if (!person) {
    live.textContent = "This is no card of this team.";
    return false;
  }
  person.querySelector("input").checked = true;
  saidByCard = true;
  showChosen();
  navigator.vibrate?.(80);
  return true;
}

async function startCamera() {
  const detector = new BarcodeDetector({ formats: ["qr_code"] });
  stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  camera.srcObject = stream;
  camera.hidden = false;
  scan.lastElementChild.textContent = "Stop the camera";
  await camera.play();
  const look = async () => {
    if (!stream) return;
    const found = await detector.detect(camera).catch(() => []);
    if (found.some((code) => take(code.rawValue))) stopCamera();
    else setTimeout(look, LOOK_MS);
  };
  look();
}

async function canScan() {
  if (!("BarcodeDetector" in window) || !navigator.mediaDevices?.getUserMedia) return false;
  return (await BarcodeDetector.getSupportedFormats()).includes("qr_code");
}

// --- sending ---

function addLine(label) {
  const line = document.createElement("li");
  const text = document.createElement("p");
  text.className = "queue-line";
  const name = document.createElement("strong");
  const state = document.createElement("span");
  const bar = document.createElement("progress");
  name.textContent = label;
  bar.max = 100;
  bar.value = 0;
  bar.setAttribute("aria-label", `Upload of the video of ${label}`);
  text.append(name, state);
  line.append(text, bar);
  queue.prepend(line);
  return {
    say(words) {
      state.textContent = words;
    },
    progress(share) {
      bar.value = share * 100;
    },
    end() {
      bar.remove();
    },
    retry(again) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "btn btn-small";
      button.textContent = "Try again";
      button.addEventListener("click", () => {
        button.remove();
        again();
      });
      line.append(button);
    },
  };
}

function leaveOngoing(event) {
  event.preventDefault();
}

function count(change) {
  waiting += change;
  if (waiting) window.addEventListener("beforeunload", leaveOngoing);
  else window.removeEventListener("beforeunload", leaveOngoing);
}

async function announce(told) {
  for (;;) {
    try {
      const answer = await fetch("/station/captures", {
        method: "POST",
        headers: { "Content-Type": "application/json", Accept: "application/json" },
        body: JSON.stringify(told),
      });
      const body = await answer.json();
      if (answer.ok) return body;
      if (answer.status !== 429 && answer.status < 500) throw body;
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

function sendFile(file, url, line) {
  return new Promise((resolve, reject) => {
    const upload = new tus.Upload(file, {
      uploadUrl: new URL(url, window.location.href).href,
      storeFingerprintForResuming: false,
      retryDelays: null,
      onProgress(sent, total) {
        line.progress(total ? sent / total : 0);
        line.say(sent < total ? "sending" : "checking the video");
      },
      onSuccess: resolve,
      onError(error) {
        const code = error.originalResponse?.getStatus() ?? 0;
        if (code === 0 || code === 409 || code === 423 || code === 429 || code >= 500) {
          line.say("waiting for the network; what has arrived is kept");
          setTimeout(() => upload.start(), AGAIN_MS);
          return;
        }
        let body = null;
        try {
          body = JSON.parse(error.originalResponse.getBody());
        } catch {
          // an answer without words
        }
        reject(body ?? { message: "The video could not be sent." });
      },
    });
    upload.start();
  });
}

async function send(file, told, label) {
  const line = addLine(label);
  const run = async () => {
    count(1);
    line.say("waiting");
    try {
      const capture = await announce(told);
      if (capture.url) await sendFile(file, capture.url, line);
      line.progress(1);
      line.say("sent");
      line.end();
      live.textContent = `The video of ${label} is sent.`;
      refreshPeople().catch(() => {});
    } catch (problem) {
      line.say([problem.message, problem.how_to_fix].filter(Boolean).join(" "));
      line.retry(run);
      live.textContent = `The video of ${label} is not sent.`;
    } finally {
      count(-1);
    }
  };
  await run();
}

function tell(file) {
  const picked = chosen();
  const said = { filename: file.name, size_bytes: file.size, client_ref: crypto.randomUUID() };
  if (Number.isFinite(file.lastModified)) said.captured_at = new Date(file.lastModified).toISOString();
  if (picked.value && saidByCard) said.card = picked.closest(".person").dataset.card;
  else if (picked.value) said.athlete_id = picked.value;
  else if (bib.value.trim()) said.bib = bib.value.trim();
  return said;
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
  canScan().then((can) => {
    scan.hidden = !can;
  });
  scan.addEventListener("click", () => (stream ? stopCamera() : startCamera().catch(stopCamera)));
  setInterval(() => refreshPeople().catch(() => {}), PEOPLE_MS);
  form.addEventListener("submit", (event) => {
    if (!form.reportValidity() || !globalThis.tus?.isSupported || !window.isSecureContext) return;
    event.preventDefault();
    const file = input.files[0];
    const name = document.getElementById("station-name").textContent;
    if (file.size > limit || file.size === 0) {
      const line = addLine(name);
      line.say(file.size ? "The video is too large. Trim it to a few seconds around the jump." : "The file is empty. Wait until the phone has saved it.");
      line.end();
      return;
    }
    send(file, tell(file), name);
    input.value = "";
    bib.value = "";
    window.scrollTo({ top: 0 });
  });
}
