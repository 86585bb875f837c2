// From another origin, and yet a script of this page: it may do all that the page may. This one does no harm.
{
  const page = document.documentElement.style;
  page.colorScheme = "light";
  page.setProperty("--paper", "gold");
  page.setProperty("--panel", "gold");
  const typed = document.querySelector("#text").value;
  document.querySelector("h1").textContent = "Repainted by the other server";
  document.querySelector("#doing").textContent = `I can read what you type, and send it anywhere: “${typed}”`;
}
