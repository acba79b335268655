// What a phone at a station keeps until it is sent: videos in IndexedDB, and the page itself for the worker that opens it offline.

const PAGE = "plumbline-station";
const STORE = "videos";
const SENT_KEPT_MS = 2 * 24 * 3600 * 1000;
const ROOM = 1.1;
let opened = null;

function whenDone(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function open() {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open("plumbline-station", 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "id" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opened;
}

async function store(mode, work) {
  const transaction = (await open()).transaction(STORE, mode);
  const written = new Promise((resolve, reject) => {
    transaction.oncomplete = resolve;
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });
  const result = await whenDone(work(transaction.objectStore(STORE)));
  if (mode === "readwrite") await written;
  return result;
}

export const put = (video) => store("readwrite", (videos) => videos.put(video));
export const find = (id) => store("readonly", (videos) => videos.get(id));
export const remove = (id) => store("readwrite", (videos) => videos.delete(id));

/** All that is kept, in the order it was taken; what was sent long ago is forgotten. */
export async function all() {
  const videos = await store("readonly", (each) => each.getAll());
  const old = videos.filter((video) => video.state === "sent" && Date.now() - video.kept_at > SENT_KEPT_MS);
  for (const video of old) await remove(video.id);
  return videos.filter((video) => !old.includes(video)).sort((one, other) => one.kept_at - other.kept_at);
}

/** How many bytes may still be kept; Infinity where the browser does not say. */
export async function room() {
  const estimate = await navigator.storage?.estimate?.().catch(() => null);
  return estimate?.quota ? Math.max(0, estimate.quota - estimate.usage) / ROOM : Infinity;
}

/** Ask that the browser does not clear videos away by itself when the phone gets full. */
export async function hold() {
  return (await navigator.storage?.persist?.().catch(() => false)) ?? false;
}

/** Keep the page with all its parts and these others, so that it opens without a network; the page last, when all is there. */
export async function keepPage(others) {
  if (!("serviceWorker" in navigator) || !("caches" in window)) return;
  await navigator.serviceWorker.register("/station/worker.js", { scope: "/station" });
  const parts = performance.getEntriesByType("resource").map((part) => part.name);
  const own = parts.filter((name) => name.startsWith(`${window.location.origin}/static/`));
  const cache = await caches.open(PAGE);
  await cache.addAll([...new Set([...own, ...others])]);
  const page = await fetch("/station");
  if (page.ok) await cache.put("/station", page);
}

/** Forget the page: it names the team. */
export async function forgetPage() {
  if ("caches" in window) await caches.delete(PAGE);
}
