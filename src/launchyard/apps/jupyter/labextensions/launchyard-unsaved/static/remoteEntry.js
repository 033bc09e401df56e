/*
 * A page of JupyterLab knows what is typed in it and not saved; its server does not. This tells both who asks
 * before a notebook is run as a batch job: the server, by a workspace of the session, and the portal's page
 * around this one, which may also ask to save. Written by hand as JupyterLab loads it, so that nothing is built.
 */
(() => {
  "use strict";
  const LOOK_MS = 1500;
  const KEY = "launchyard:unsaved";

  function activate(app) {
    const found = /\/session\/([1-9][0-9]*)\//.exec(app.serviceManager.serverSettings.baseUrl);
    const workspace = `launchyard-${found ? found[1] : "0"}`;
    let told = null;

    function documents() {
      const contexts = new Set();
      for (const widget of app.shell.widgets("main"))
        if (widget.context && widget.context.path && widget.context.model) contexts.add(widget.context);
      return [...contexts].filter((context) => context.path.endsWith(".ipynb"));
    }

    function unsaved() {
      return documents()
        .filter((context) => context.model.dirty)
        .map((context) => context.path)
        .sort();
    }

    async function tell() {
      const paths = unsaved();
      const opened = documents().map((context) => context.path).sort();
      const now = JSON.stringify([paths, opened]);
      if (now === told) return;
      const data = { [KEY]: { at: Date.now(), paths, opened } };
      await app.serviceManager.workspaces.save(workspace, { data, metadata: { id: workspace } });
      told = now;
    }

    async function answer(event) {
      const asked = event.data && event.data.launchyard;
      if (event.source !== window.parent || window.parent === window) return;
      if (asked !== "unsaved?" && asked !== "save") return;
      if (asked === "save")
        for (const context of documents()) if (context.model.dirty) await context.save().catch(() => undefined);
      await tell().catch(() => undefined);
      event.source.postMessage({ launchyard: "unsaved", paths: unsaved() }, event.origin);
    }

    window.addEventListener("message", (event) => void answer(event));
    app.restored.then(() => setInterval(() => void tell().catch(() => undefined), LOOK_MS));
  }

  const plugin = {
    id: "launchyard-unsaved:plugin",
    description: "Tells which notebooks have changes that are not saved.",
    autoStart: true,
    activate,
  };
  const containers = (window._JUPYTERLAB = window._JUPYTERLAB || {});
  containers["launchyard-unsaved"] = {
    init: () => undefined,
    get: () => Promise.resolve(() => ({ __esModule: true, default: plugin })),
  };
})();
