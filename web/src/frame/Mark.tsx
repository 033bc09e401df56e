/** The mark of the product. */

import styles from "./Mark.module.css";

export function Mark() {
  return (
    <svg width="20" height="20" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" className={styles.markGround} />
      <g className={styles.markLines}>
        <path d="M8 22.5h16M8 16h10M8 9.5h5" />
        <path d="m20.5 7 4 4-4 4" />
      </g>
    </svg>
  );
}
