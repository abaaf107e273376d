// Progressive enhancement only: every page works without this file.

const root = document.documentElement;

// Theme: a cookie, so that the server writes data-theme into the page and nothing flashes. "system" forgets it.
const themeCookie = "attune_theme";

function currentTheme() {
  return root.dataset.theme || "system";
}

function showTheme() {
  for (const group of document.querySelectorAll("[data-theme-choice]")) {
    group.hidden = false;
    for (const button of group.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.value === currentTheme()));
    }
  }
}

function chooseTheme(theme) {
  const forget = theme === "system";
  if (forget) delete root.dataset.theme;
  else root.dataset.theme = theme;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  const age = forget ? 0 : 365 * 24 * 3600;
  document.cookie = `${themeCookie}=${forget ? "" : theme}; Path=/; Max-Age=${age}; SameSite=Lax${secure}`;
  showTheme();
}

// Copies the text of the element that data-copy names; the button says so for two seconds.
async function copy(button) {
  const label = button.textContent;
  await navigator.clipboard.writeText(document.querySelector(button.dataset.copy).textContent.trim());
  button.textContent = button.dataset.copied || "Copied";
  setTimeout(() => (button.textContent = label), 2000);
}

document.addEventListener("click", (event) => {
  const theme = event.target.closest("[data-theme-choice] button");
  if (theme) chooseTheme(theme.value);
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// A second press of a slow button must not post twice. The server refuses it as well; this only spares the message.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || event.defaultPrevented) return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "yes";
  event.submitter?.setAttribute("aria-disabled", "true");
});

// Coming back by the browser's button shows the old page: its forms work again.
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    form.querySelector("[aria-disabled]")?.removeAttribute("aria-disabled");
  }
});

// htmx is silent when a request fails; say it where screen readers hear it.
function sayFailure(event) {
  const note = document.getElementById("request-failed");
  if (note) note.hidden = event.type === "htmx:beforeRequest";
}
for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout", "htmx:beforeRequest"]) {
  document.addEventListener(name, sayFailure);
}

document.querySelectorAll("[data-copy]").forEach((button) => (button.hidden = !navigator.clipboard));
showTheme();
