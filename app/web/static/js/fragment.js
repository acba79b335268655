// The secret of a link stands behind the "#", which no browser sends. Put it into the form, take it off the address bar, go on.
const field = document.querySelector("input[data-from-fragment]");
const secret = decodeURIComponent(location.hash.slice(1));
if (field && secret) {
  history.replaceState(null, "", location.pathname);
  field.value = secret;
  field.form.requestSubmit();
}
