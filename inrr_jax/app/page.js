"use strict";
// The page's only state is what is on it: the picture and its recovery are the server's.
const $ = (id) => document.getElementById(id);
const token = new URLSearchParams(location.search).get("token") || "";
const canvas = $("paint"), pen = canvas.getContext("2d", { willReadFrequently: true });
const COLOUR = "rgb(216 64 64)", KEPT = 2e8;  // bytes of paint that can be undone
let strokes = [];  // the paint before each of the last strokes
let last = null, polling = false, megabytes = Infinity;

function say(text, error = false) {
  $("message").textContent = text;
  $("message").classList.toggle("error", error);
}

async function ask(path, options = {}) {
  const answer = await fetch(path, { ...options, headers: { "X-Token": token } }).catch(() => {
    throw new Error("the server does not answer: is the command still running?");
  });
  if (answer.headers.get("Content-Type") === "image/png") return answer.blob();
  const value = await answer.json();
  if (!answer.ok) throw new Error(value.error);
  return value;
}

// Run what a button does, and show what went wrong.
const guarded = (action) => async (event) => {
  try { await action(event); } catch (error) { say(error.message, true); }
};

async function show(image, path) {
  const url = URL.createObjectURL(await ask(path));
  if (image.src.startsWith("blob:")) URL.revokeObjectURL(image.src);
  image.src = url;
  await image.decode();
}

async function shown(size) {
  if (!size.width) return;
  canvas.width = size.width;
  canvas.height = size.height;
  // Small pictures are enlarged up to four times, so that single pixels can be painted.
  $("stage").style.maxWidth = `min(100%, ${4 * size.width}px, ${(0.75 * innerHeight * size.width) / size.height}px)`;
  strokes = [];
  $("brush").max = Math.max(60, Math.round(Math.max(size.width, size.height) / 8));
  hideRecovery();
  await show($("picture"), "picture.png");
  $("stage").hidden = false;
  say(`${size.width} x ${size.height} pixels, ${size.channels === 1 ? "grey" : "colour"}. Paint over the damage.`);
}

function hideRecovery() {
  for (const id of ["recovered", "comparison", "save", "savemask"]) $(id).hidden = true;
}

// ---- 1. picture
const query = (values) => new URLSearchParams(values).toString();
let opened = null;  // opens the chosen picture again, at another size

async function open(body, values) {
  opened = async () => {
    say("reading the picture ...");
    $("whole").checked = false;
    await shown(await ask(`picture?${query({ ...values, longest: $("longest").value })}`, { method: "POST", body }));
  };
  await opened();
}
$("file").onchange = guarded(async () => {
  const file = $("file").files[0];
  if (!file) return;
  if (file.size > 1e6 * megabytes) {
    throw new Error(`the file has ${(file.size / 1e6).toFixed(1)} MB: choose one of at most ${megabytes} MB`);
  }
  $("bundled").value = "";
  await open(file, { name: file.name });
});
$("bundled").onchange = guarded(async () => {
  if (!$("bundled").value) return;
  $("file").value = "";
  await open("", { bundled: $("bundled").value });
});
$("longest").onchange = guarded(async () => { if (opened) await opened(); });

// ---- 2. damage
function keep() {
  strokes.push(pen.getImageData(0, 0, canvas.width, canvas.height));
  if (strokes.length > 1 && 4 * canvas.width * canvas.height * strokes.length > KEPT) strokes.shift();
}
function place(event) {
  const box = canvas.getBoundingClientRect();
  return [((event.clientX - box.left) * canvas.width) / box.width, ((event.clientY - box.top) * canvas.height) / box.height];
}
function stroke(from, to) {
  const erase = document.querySelector("input[name=tool]:checked").value === "erase";
  pen.globalCompositeOperation = erase ? "destination-out" : "source-over";
  pen.strokeStyle = COLOUR;
  pen.lineWidth = Number($("brush").value);
  pen.lineCap = "round";
  pen.beginPath();
  pen.moveTo(...from);
  pen.lineTo(...to);
  pen.stroke();
}
canvas.onpointerdown = (event) => {
  if (event.button || polling) return;
  canvas.setPointerCapture(event.pointerId);
  hideRecovery();
  keep();
  last = place(event);
  stroke(last, last);
};
canvas.onpointermove = (event) => {
  if (!last) return;
  // A fast pen is sampled more often than the page draws.
  for (const each of event.getCoalescedEvents?.() || [event]) {
    const next = place(each);
    stroke(last, next);
    last = next;
  }
};
canvas.onpointerup = canvas.onpointercancel = () => { last = null; };
$("undo").onclick = () => { if (strokes.length && !polling) { hideRecovery(); pen.putImageData(strokes.pop(), 0, 0); } };
$("clear").onclick = () => {
  if (polling) return;
  hideRecovery();
  keep();
  pen.clearRect(0, 0, canvas.width, canvas.height);
};
$("mask").onchange = guarded(async () => {
  const file = $("mask").files[0];
  if (!file) return;
  $("mask").value = "";  // so that the same file can be chosen again
  if ($("stage").hidden) throw new Error("there is no picture: choose one before its mask");
  const mask = await createImageBitmap(file).catch(() => {
    throw new Error(`'${file.name}' is no picture: choose a mask, dark where the picture is damaged`);
  });
  if (mask.width !== canvas.width || mask.height !== canvas.height) {
    throw new Error(`the mask has ${mask.width} x ${mask.height} pixels: choose one of ${canvas.width} x ${canvas.height}`);
  }
  hideRecovery();
  keep();
  pen.globalCompositeOperation = "copy";
  pen.drawImage(mask, 0, 0);
  const pixels = pen.getImageData(0, 0, canvas.width, canvas.height), data = pixels.data;
  for (let i = 0; i < data.length; i += 4) {
    const bright = 0.299 * data[i] + 0.587 * data[i + 1] + 0.114 * data[i + 2] > 127.5;  // as for --config.mask.path
    data.set(bright ? [0, 0, 0, 0] : [216, 64, 64, 255], i);
  }
  pen.putImageData(pixels, 0, 0);
  say("The mask is painted over the picture; it can be changed.");
});
$("damage").onclick = guarded(async () => {
  const seed = Math.floor(Math.random() * 1e6);
  const paint = await ask(`damage?${query({ kind: $("kind").value, rate: $("rate").value, seed })}`, { method: "POST" });
  hideRecovery();
  keep();
  pen.globalCompositeOperation = "source-over";
  pen.clearRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(await createImageBitmap(paint), 0, 0);
  $("whole").checked = true;
  say("A trial: the picture under the paint is not used, and is the truth for measuring the error.");
});

// ---- 3. recovery
function busy(on) {
  polling = on;
  $("cancel").hidden = $("progress").hidden = !on;
  $("cancel").disabled = false;
  for (const id of ["recover", "damage", "clear", "undo", "mask", "file", "bundled", "longest"]) $(id).disabled = on;
}
function cut(percent) {
  $("compare").value = percent;
  $("recovered").style.setProperty("--cut", `${percent}%`);
}
async function reveal(path) {
  await show($("recovered"), path);
  $("recovered").hidden = $("comparison").hidden = false;
}
$("compare").oninput = () => cut($("compare").value);
$("recover").onclick = guarded(async () => {
  if ($("stage").hidden) throw new Error("there is no picture: choose one first");
  const body = await new Promise((done) => canvas.toBlob(done, "image/png"));
  hideRecovery();
  await ask(`recovery?${query({ method: $("method").value, whole: $("whole").checked })}`, { method: "POST", body });
  busy(true);
  try { await follow(); } finally { busy(false); }
});
$("cancel").onclick = guarded(async () => {
  $("cancel").disabled = true;
  await ask("cancel", { method: "POST" });
  say("cancelling: a fit ends after its chunk of steps, a fill after its stage");
});

async function follow() {
  for (let previews = 0; ; await new Promise((done) => setTimeout(done, 400))) {
    const now = await ask("recovery");
    if (now.state === "done") return finish(now);
    if (now.state === "cancelled") return say(`cancelled after ${now.seconds} s; the paint is kept`);
    if (now.state === "failed") throw new Error(now.error);
    if (!$("cancel").disabled) say(`${now.line} (${Math.round(now.seconds)} s)`);
    if (now.steps) $("progress").value = now.step / now.steps; else $("progress").removeAttribute("value");
    if (now.previews > previews) {
      previews = now.previews;
      cut(0);
      await reveal("preview.png");
    }
  }
}
async function finish(now) {
  await reveal("recovered.png");
  cut(50);
  $("save").hidden = $("savemask").hidden = false;
  const scores = Object.entries(now.scores || {}).map(([name, value]) => `${name} ${value.toFixed(2)} dB`);
  say(`done in ${now.seconds} s.` + (scores.length ? ` PSNR on the painted pixels: ${scores.join(", ")}.` : ""));
}

async function save(path, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await ask(path));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
$("save").onclick = guarded(() => save("recovered.png", "recovered.png"));
$("savemask").onclick = guarded(() => save("mask.png", "mask.png"));

// The page begins with the picture of the command line, if there is one.
guarded(async () => {
  const size = await ask("picture");
  megabytes = size.megabytes;
  if (size.given) await open("", { given: true });
})();
