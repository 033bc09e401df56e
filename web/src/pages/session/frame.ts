/** Words with JupyterLab in its frame: our extension in it answers what is not saved, and saves. */

const ANSWER_MS = 8000;

/** Asks the page in the frame to save its notebooks; over when it says that it has, or after a while. */
export function saveAll(frame: HTMLIFrameElement | null): Promise<void> {
  const page = frame?.contentWindow;
  if (!page) return Promise.resolve();
  return new Promise((done) => {
    const over = () => {
      clearTimeout(timer);
      removeEventListener("message", hear);
      done();
    };
    const hear = (event: MessageEvent<{ launchyard?: string } | null>) => {
      if (event.source === page && event.data?.launchyard === "unsaved") over();
    };
    const timer = setTimeout(over, ANSWER_MS);
    addEventListener("message", hear);
    // It tells nothing but that somebody asks; whoever is in the frame may know that.
    page.postMessage({ launchyard: "save" }, "*");
  });
}
