// Before the first paint: the theme and density that were chosen, so that nothing flashes.
(function () {
  var root = document.documentElement;
  try {
    var theme = localStorage.getItem("launchyard.theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    if (localStorage.getItem("launchyard.density") === "compact") root.dataset.density = "compact";
  } catch (error) {
    // Storage is switched off: the system's theme it is.
  }
})();
