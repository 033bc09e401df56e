/** Fields of forms: a label, the field, help under it, and what is wrong in its place. */

import { type ComponentProps, type ReactNode, useId } from "react";
import styles from "./Field.module.css";

interface Common {
  label: ReactNode;
  help?: ReactNode;
  error?: string | null;
  /** What follows the number: GiB, h. */
  unit?: string;
}

type TextProps = Common & ComponentProps<"input">;

export function TextField({ label, help, error, unit, className, ...rest }: TextProps) {
  return (
    <Field label={label} help={help} error={error} className={className}>
      {(ids) => (
        <span className={styles.line}>
          <input {...rest} {...ids} className={styles.input} />
          {unit && <span className={styles.unit}>{unit}</span>}
        </span>
      )}
    </Field>
  );
}

export function AreaField({ label, help, error, className, ...rest }: Common & ComponentProps<"textarea">) {
  return (
    <Field label={label} help={help} error={error} className={className}>
      {(ids) => <textarea {...rest} {...ids} className={`${styles.input} ${styles.area}`} />}
    </Field>
  );
}

type SelectProps = Common & ComponentProps<"select"> & { options: readonly { value: string; name: string }[] };

export function SelectField({ label, help, error, options, className, ...rest }: SelectProps) {
  return (
    <Field label={label} help={help} error={error} className={className}>
      {(ids) => (
        <select {...rest} {...ids} className={styles.input}>
          {options.map(({ value, name }) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

export function CheckField({ label, help, ...rest }: { label: ReactNode; help?: ReactNode } & ComponentProps<"input">) {
  const id = useId();
  return (
    <div className={styles.check}>
      <input type="checkbox" id={id} aria-describedby={help ? `${id}-help` : undefined} {...rest} />
      <label htmlFor={id}>
        {label}
        {help && (
          <span className={styles.help} id={`${id}-help`}>
            {help}
          </span>
        )}
      </label>
    </div>
  );
}

interface Ids {
  id: string;
  "aria-describedby": string | undefined;
  "aria-invalid": true | undefined;
}

/** For a field of another kind: it gets the ids that tie it to its label and help. */
export function Field(props: Omit<Common, "unit"> & { className?: string; children: (ids: Ids) => ReactNode }) {
  const { label, help, error, className, children } = props;
  const id = useId();
  const told = error ?? help;
  return (
    <div className={`${styles.field} ${className ?? ""}`}>
      <label htmlFor={id}>{label}</label>
      {children({ id, "aria-describedby": told ? `${id}-told` : undefined, "aria-invalid": error ? true : undefined })}
      {told && (
        <p id={`${id}-told`} className={error ? styles.error : styles.help} role={error ? "alert" : undefined}>
          {told}
        </p>
      )}
    </div>
  );
}
