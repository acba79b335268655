// Reads the QR of an athlete's card with the camera: by the browser itself where it can, otherwise by a reader of our own pages.

const LOOK_MS = 150;
const WORDS = {
  NotAllowedError: "This page may not use the camera. Allow it in the browser's settings, or find the athlete by bib or name.",
  NotReadableError: "Another app uses the camera. Close it and try again, or find the athlete by bib or name.",
  NotFoundError: "There is no camera on this phone. Find the athlete by bib or name.",
};

async function findReader(fallback) {
  const native = globalThis.BarcodeDetector;
  const formats = await (native?.getSupportedFormats() ?? []);
  const Reader = formats.includes("qr_code") ? native : (await import(fallback)).BarcodeDetector;
  return new Reader({ formats: ["qr_code"] });
}

export class CardReader {
  #video;
  #fallback;
  #stream = null;

  constructor(video, { fallback }) {
    this.#video = video;
    this.#fallback = fallback;
  }

  static get isPossible() {
    return Boolean(navigator.mediaDevices?.getUserMedia);
  }

  get isOn() {
    return this.#stream !== null;
  }

  /** Show what the camera sees and give `take` each text that is read, until it says true. Throws an Error in words. */
  async start(take, whenOff) {
    try {
      this.#stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    } catch (error) {
      throw new Error(WORDS[error.name] ?? WORDS.NotReadableError, { cause: error });
    }
    this.#video.srcObject = this.#stream;
    this.#video.hidden = false;
    const [reader] = await Promise.all([findReader(this.#fallback), this.#video.play()]);
    const look = async () => {
      if (!this.isOn) return;
      const found = await reader.detect(this.#video).catch(() => []);
      if (!this.isOn) return;
      if (found.some((code) => take(code.rawValue))) {
        this.stop();
        whenOff();
      } else setTimeout(look, LOOK_MS);
    };
    look();
  }

  stop() {
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = null;
    this.#video.srcObject = null;
    this.#video.hidden = true;
  }
}
