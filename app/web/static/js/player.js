// The player: frame by frame, slow motion, jumps to the events, and a cursor on the curves that follows.

const player = document.getElementById("player");
const video = document.getElementById("video");

if (video) startPlayer();
startLargeStills();
document.addEventListener("htmx:after:swap", showOverlay);

// The overlay arrives after the numbers: it takes the original's place, at the same instant.
function showOverlay() {
  const overlay = document.getElementById("pictures")?.dataset.overlay;
  const source = video?.querySelector("source");
  if (!overlay || !source || source.getAttribute("src") === overlay) return;
  const [time, wasPlaying, rate] = [video.currentTime, !video.paused, video.playbackRate];
  source.src = overlay;
  source.type = "video/mp4";
  video.load();
  video.addEventListener("loadedmetadata", () => {
    video.currentTime = time;
    video.playbackRate = rate;
    if (wasPlaying) video.play();
  }, { once: true });
  document.getElementById("player-overlay").hidden = false;
  document.getElementById("player-original")?.removeAttribute("hidden");
  document.getElementById("video-problem").hidden = true;
}

function startPlayer() {
  const frames = player.dataset.frames ? player.dataset.frames.split(",").map(Number) : [];
  const controls = document.getElementById("controls");
  const clock = document.getElementById("clock");
  const speed = document.getElementById("speed");
  const now = document.getElementById("curve-now");
  const moments = [...document.querySelectorAll(".moment")];
  const charts = [...document.querySelectorAll("svg.curves")];
  const rows = readRows();
  const step = frames.length > 1 ? (frames.at(-1) - frames[0]) / (frames.length - 1) : 1 / 30;

  controls.hidden = false;
  document.querySelector(".keys").hidden = false;
  video.controls = true;

  function indexAt(time) {
    if (!frames.length) return Math.round(time / step);
    let low = 0;
    let high = frames.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (frames[middle] <= time + 1e-4) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  function seek(time) {
    video.pause();
    // A little past the frame's own time, so that rounding never shows the frame before.
    video.currentTime = Math.max(0, Math.min(time + step * 0.25, video.duration || Infinity));
  }

  function stepBy(count) {
    const next = indexAt(video.currentTime) + count;
    seek(frames.length ? frames[Math.max(0, Math.min(next, frames.length - 1))] : Math.max(0, next) * step);
  }

  // The frame on screen is the one nearest to the instant, which may lie between two.
  function seekNearest(time) {
    const index = indexAt(time);
    const isNext = frames.length > index + 1 && frames[index + 1] - time < time - frames[index];
    seek(frames.length ? frames[index + (isNext ? 1 : 0)] : time);
  }

  function toggle() {
    if (video.paused) video.play();
    else video.pause();
  }

  function show(time) {
    const index = indexAt(time);
    const shown = frames.length ? frames[index] : time;
    clock.textContent = `${shown.toFixed(3)} s`;
    for (const chart of charts) moveCursor(chart, shown);
    if (now && rows.length) {
      const row = nearest(rows, shown);
      now.hidden = false;
      now.textContent = `At ${shown.toFixed(3)} s: left ${row.left}, right ${row.right}`;
    }
    for (const moment of moments) {
      moment.setAttribute("aria-current", String(Math.abs(Number(moment.dataset.time) - shown) <= step * 0.75));
    }
  }

  function follow(_, frame) {
    show(frame.mediaTime);
    video.requestVideoFrameCallback(follow);
  }

  if ("requestVideoFrameCallback" in video) video.requestVideoFrameCallback(follow);
  else video.addEventListener("timeupdate", () => show(video.currentTime));
  video.addEventListener("seeked", () => show(video.currentTime));
  video.addEventListener("play", () => setPlaying(true));
  video.addEventListener("pause", () => setPlaying(false));
  const problem = document.getElementById("video-problem");
  const complain = () => { problem.hidden = false; };
  video.addEventListener("error", complain);
  video.querySelector("source").addEventListener("error", complain);

  function setPlaying(playing) {
    controls.classList.toggle("is-playing", playing);
    controls.querySelector('[data-do="play"]').setAttribute("aria-label", playing ? "Pause" : "Play");
  }

  const actions = { back: () => stepBy(-1), forward: () => stepBy(1), play: toggle };
  for (const button of controls.querySelectorAll("[data-do]")) {
    button.addEventListener("click", () => actions[button.dataset.do]());
  }
  for (const moment of moments) moment.addEventListener("click", () => seekNearest(Number(moment.dataset.time)));
  for (const chart of charts) {
    chart.addEventListener("click", (event) => seek(timeAt(chart, event)));
    chart.addEventListener("pointermove", (event) => { if (event.buttons) seek(timeAt(chart, event)); });
  }
  speed.addEventListener("change", () => { video.playbackRate = Number(speed.value); });

  function changeSpeed(by) {
    const next = Math.max(0, Math.min(speed.selectedIndex + by, speed.options.length - 1));
    speed.selectedIndex = next;
    video.playbackRate = Number(speed.value);
  }

  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented) return;
    const focus = event.target;
    if (focus.closest("select, input, textarea, dialog, summary")) return;
    const onControl = focus.closest("button, a, .scroll");
    const keys = {
      ArrowLeft: () => stepBy(-1),
      ArrowRight: () => stepBy(1),
    };
    if (player.contains(focus) || focus === document.body) {
      keys.ArrowUp = () => changeSpeed(1);
      keys.ArrowDown = () => changeSpeed(-1);
    }
    if (!onControl && focus !== video) keys[" "] = toggle;
    let act = keys[event.key];
    if (/^[1-9]$/.test(event.key) && moments[event.key - 1]) act = () => moments[event.key - 1].click();
    if (!act) return;
    event.preventDefault();
    act();
  });

  show(0);
}

function readRows() {
  return [...document.querySelectorAll(".curve-card .scroll tbody tr")].map((row) => ({
    time: Number.parseFloat(row.cells[0].textContent),
    left: row.cells[1].textContent,
    right: row.cells[2].textContent,
  }));
}

function nearest(rows, time) {
  return rows.reduce((best, row) => (Math.abs(row.time - time) < Math.abs(best.time - time) ? row : best));
}

function moveCursor(chart, time) {
  const { t0, t1, x0, x1 } = chart.dataset;
  const cursor = chart.querySelector(".cursor");
  const inside = time >= Number(t0) && time <= Number(t1);
  cursor.setAttribute("visibility", inside ? "visible" : "hidden");
  const x = Number(x0) + ((time - t0) / (t1 - t0)) * (x1 - x0);
  cursor.setAttribute("x1", x.toFixed(1));
  cursor.setAttribute("x2", x.toFixed(1));
}

function timeAt(chart, event) {
  const { t0, t1, x0, x1 } = chart.dataset;
  const box = chart.getBoundingClientRect();
  const x = ((event.clientX - box.left) / box.width) * chart.viewBox.baseVal.width;
  const share = Math.max(0, Math.min(1, (x - x0) / (x1 - x0)));
  return Number(t0) + share * (t1 - t0);
}

function startLargeStills() {
  const dialog = document.getElementById("large");
  const image = document.getElementById("large-image");
  const caption = document.getElementById("large-caption");
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-large]");
    if (!link || event.metaKey || event.ctrlKey || !dialog?.showModal) return;
    event.preventDefault();
    const small = link.querySelector("img");
    image.src = link.href;
    image.alt = small.alt;
    caption.textContent = `${link.querySelector(".still-caption").textContent}, ${link.querySelector(".still-time").textContent}`;
    dialog.showModal();
  });
  dialog?.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
}
