// Before the first paint: the theme and density that were chosen, so that nothing flashes; else the system's theme,
// also when that changes.
(function () {
  var root = document.documentElement;
  var dark = matchMedia("(prefers-color-scheme: dark)");
  function chosen(name) {
    try {
      return localStorage.getItem("launchyard." + name);
    } catch (error) {
      // Storage is switched off.
      return null;
    }
  }
  function show() {
    var theme = chosen("theme");
    root.dataset.theme = theme === "light" || theme === "dark" ? theme : dark.matches ? "dark" : "light";
  }
  show();
  dark.addEventListener("change", show);
  if (chosen("density") === "compact") root.dataset.density = "compact";
})();

// What the page will ask first, while its parts are still on their way; api/early.ts takes it. The jobs come after
// who looks, since the events that are heard begin there.
(function () {
  var early = (window.launchyardEarly = {});
  if (location.pathname.indexOf("/login") === 0) return;
  function ask(path) {
    return fetch(path, { headers: { accept: "application/json" }, credentials: "same-origin" });
  }
  function put(path, answer) {
    early[path] = answer;
    answer.catch(function () {
      // Whoever takes it hears of it.
    });
  }
  var me = ask("/v1/me");
  put("/v1/me", me);
  if (location.pathname !== "/jobs" || location.search) return;
  var list = "/v1/tables/list?limit=100";
  put(
    list,
    me.then(function (answer) {
      if (!answer.ok) throw new Error("Nobody is logged in.");
      return ask(list);
    }),
  );
})();
