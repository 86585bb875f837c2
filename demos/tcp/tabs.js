// Tabs, to be clicked or walked with the arrow keys.

const tabs = [...document.querySelectorAll('[role="tab"]')];
function choose(chosen) {
  for (const one of tabs) {
    one.setAttribute("aria-selected", one === chosen);
    one.tabIndex = one === chosen ? 0 : -1;
    document.getElementById(one.getAttribute("aria-controls")).hidden = one !== chosen;
  }
}
for (const [at, one] of tabs.entries()) {
  one.addEventListener("click", () => choose(one));
  one.addEventListener("keydown", ({ key }) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
    if (!step) return;
    const next = tabs[(at + step + tabs.length) % tabs.length];
    choose(next);
    next.focus();
  });
}
