const root = document.documentElement;
const dark = matchMedia("(prefers-color-scheme: dark)");
const show = (theme) => { root.dataset.theme = theme; };
show(dark.matches ? "dark" : "light");
dark.addEventListener("change", (event) => show(event.matches ? "dark" : "light"));
document.querySelector("button.theme").addEventListener("click", () => show(root.dataset.theme === "dark" ? "light" : "dark"));
