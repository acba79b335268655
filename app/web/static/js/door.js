// A link that opens a door carries its code behind the "#". Put it into the form, and out of the address bar.
const code = window.location.hash.slice(1);
const field = document.getElementById("token");
if (code && field) {
  field.value = code;
  window.history.replaceState(null, "", window.location.pathname);
  const form = field.closest("form");
  if (form.hasAttribute("data-from-fragment")) form.requestSubmit();
  else document.getElementById("password")?.focus();
}
