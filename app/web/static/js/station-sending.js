// Sends what a phone at a station keeps, one video after the other, and goes on by itself when the network is back.
// A video carries its own reference: told twice it is one video, and its file goes on where it was.

import * as kept from "./station-kept.js";

const AGAIN_MS = 3000;
const LOCK = "plumbline-station-sending";

export class NoNetwork extends Error {}

async function ask(url, told) {
  let answer;
  try {
    answer = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify(told),
    });
  } catch {
    throw new NoNetwork();
  }
  if (answer.status === 429 || answer.status >= 500) throw new NoNetwork();
  const body = await answer.json();
  if (answer.ok) return body;
  throw Object.assign(new Error(body.message), body, { status: answer.status });
}

function problemOf(error) {
  try {
    return JSON.parse(error.originalResponse.getBody());
  } catch {
    return { message: "The video could not be sent." };
  }
}

function sendFile(file, url, onProgress) {
  return new Promise((resolve, reject) => {
    const upload = new tus.Upload(file, {
      uploadUrl: new URL(url, window.location.href).href,
      storeFingerprintForResuming: false,
      retryDelays: null,
      onProgress: (sent, total) => onProgress(total ? sent / total : 0),
      onSuccess: () => resolve(),
      onError(error) {
        const code = error.originalResponse?.getStatus() ?? 0;
        if (code === 0 || code === 409 || code === 423 || code === 429 || code >= 500) reject(new NoNetwork());
        else reject(Object.assign(new Error(), problemOf(error), { status: code }));
      },
    });
    upload.start();
  });
}

/** Tell of a video and send its file; the address is kept, so that the file goes on there after a break. */
async function sendOne(video, onProgress) {
  const { url } = await ask("/station/captures", video.told);
  if (url) await sendFile(video.file, url, onProgress);
}

export class Sending {
  #station;
  #show;
  #busy = false;
  #askedAgain = false;
  #again = null;
  #memory = new Map();

  /** `show` is told of each change: the video as it is now and, while it is sent, how much of it is. */
  constructor(station, show) {
    this.#station = station;
    this.#show = show;
    window.addEventListener("online", () => this.run());
  }

  /** All videos of this phone, of other stations too. */
  async all() {
    const stored = await kept.all().catch(() => []);
    return [...stored, ...this.#memory.values()];
  }

  /** Keep a video and send it. Says whether it is safe when the page is closed. */
  async add(video) {
    let isSafe = true;
    try {
      if ((await kept.room()) < video.file.size) throw new Error("no room");
      await kept.put(video);
    } catch {
      isSafe = false;
      this.#memory.set(video.id, video);
    }
    this.#show(video);
    this.run();
    return isSafe;
  }

  async change(video, change) {
    Object.assign(video, change);
    if (this.#memory.has(video.id)) this.#memory.set(video.id, video);
    else await kept.put(video);
    this.#show(video);
  }

  async remove(video) {
    this.#memory.delete(video.id);
    await kept.remove(video.id);
  }

  isInMemory(video) {
    return this.#memory.has(video.id) && video.state !== "sent";
  }

  /** Send what waits, in one tab at a time. */
  async run() {
    if (this.#busy) {
      this.#askedAgain = true;
      return;
    }
    this.#busy = true;
    this.#askedAgain = false;
    clearTimeout(this.#again);
    try {
      const locks = navigator.locks;
      const done = locks
        ? await locks.request(LOCK, { ifAvailable: true }, (lock) => (lock ? this.#sendAll() : false))
        : await this.#sendAll();
      if (!done) this.#again = setTimeout(() => this.run(), AGAIN_MS);
    } finally {
      this.#busy = false;
      if (this.#askedAgain) this.run();
    }
  }

  async #sendAll() {
    for (;;) {
      const mine = (await this.all()).filter((each) => each.station === this.#station);
      const video = mine.find((each) => each.state === "waiting");
      if (!video) return true;
      try {
        await sendOne(video, (share) => this.#show(video, share));
        await this.change(video, { state: "sent", file: null, problem: null });
      } catch (problem) {
        if (problem instanceof NoNetwork) {
          this.#show(video);
          return false;
        }
        const { message, how_to_fix, status } = problem;
        await this.change(video, { state: "refused", problem: { message, how_to_fix, status } });
      }
    }
  }
}
