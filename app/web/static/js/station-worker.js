// Opens the station's page where there is no network, from what the page itself kept. It keeps nothing of its own.

const KEPT = "plumbline-station";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  const isPage = request.mode === "navigate" && url.pathname === "/station";
  const isPart = url.origin === self.location.origin && url.pathname.startsWith("/static/");
  if (request.method !== "GET" || !(isPage || isPart)) return;
  event.respondWith(
    fetch(request).catch(async (error) => {
      const kept = await caches.open(KEPT).then((cache) => cache.match(isPage ? "/station" : request, { ignoreVary: true }));
      if (kept) return kept;
      throw error;
    }),
  );
});
