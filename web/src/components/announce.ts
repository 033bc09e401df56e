/** Words for screen readers, for what changes without anybody having asked: states of jobs that are open. */

let place: HTMLElement | null = null;

export function setAnnouncePlace(element: HTMLElement | null): void {
  place = element;
}

export function announce(text: string): void {
  if (!place) return;
  place.textContent = "";
  requestAnimationFrame(() => {
    if (place) place.textContent = text;
  });
}
