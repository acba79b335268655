// Forms with data-passkey ask the device for a passkey ("get") or to make one ("create"), then post its answer.
// They stay hidden where the browser has none to give: no script, no secure address, or a number for a host.

const isNumber = /^[\d.]+$|^\[/.test(window.location.hostname);
const isPossible = window.isSecureContext && "PublicKeyCredential" in window && !isNumber;

function toBytes(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (character) => character.charCodeAt(0));
}

function toText(buffer) {
  const plain = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(plain).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function withBytes(options) {
  const ids = (list) => (list ?? []).map((each) => ({ ...each, id: toBytes(each.id) }));
  const ready = { ...options, challenge: toBytes(options.challenge) };
  if (options.user) ready.user = { ...options.user, id: toBytes(options.user.id) };
  if (options.excludeCredentials) ready.excludeCredentials = ids(options.excludeCredentials);
  if (options.allowCredentials) ready.allowCredentials = ids(options.allowCredentials);
  return ready;
}

function asJson(credential) {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[name]) response[name] = toText(credential.response[name]);
  }
  return JSON.stringify({
    id: credential.id,
    rawId: toText(credential.rawId),
    type: credential.type,
    response,
    clientExtensionResults: credential.getClientExtensionResults(),
  });
}

const REFUSALS = {
  InvalidStateError: "This device has a passkey for you already.",
  NotAllowedError: "Nothing was chosen, or it took too long. Try again.",
};

async function ask(form) {
  const sent = new URLSearchParams({ csrf_token: form.elements.csrf_token.value });
  const reply = await fetch(form.dataset.options, { method: "POST", body: sent });
  if (reply.redirected) {
    window.location.assign(reply.url);
    return false;
  }
  if (!reply.ok) throw new Error(`the question was refused: ${reply.status}`);
  const question = await reply.json();
  const publicKey = withBytes(JSON.parse(question.options));
  const credential = await navigator.credentials[form.dataset.passkey]({ publicKey });
  form.elements.step.value = question.step;
  form.elements.answer.value = asJson(credential);
  return true;
}

for (const form of isPossible ? document.querySelectorAll("form[data-passkey]") : []) {
  form.hidden = false;
  const said = form.querySelector("[role=status]");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    said.textContent = "Look at your device …";
    try {
      if (await ask(form)) form.submit();
    } catch (error) {
      said.textContent = REFUSALS[error.name] ?? "That did not work. Try again, or use another way.";
    }
  });
}
for (const note of isPossible ? document.querySelectorAll("[data-no-passkeys]") : []) note.hidden = true;
