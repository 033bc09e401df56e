/** Theme, density, notifications: kept in this browser. */

import { useState } from "react";
import { Button, Choice, Section } from "@/components";
import { type Theme, setDensity, setPreference, setTheme, usePreference, useTheme } from "@/state/preference";
import { words } from "@/words";
import styles from "./settings.module.css";

const { settings, frame } = words;

export function Appearance() {
  const theme = useTheme();
  const density = usePreference("density") === "compact" ? "compact" : "normal";
  return (
    <>
      <Section title={frame.theme}>
        <Choice
          label={frame.theme}
          value={theme}
          options={(Object.keys(frame.themes) as Theme[]).map((value) => ({ value, name: frame.themes[value] }))}
          onChange={setTheme}
        />
      </Section>
      <Section title={settings.density}>
        <Choice
          label={settings.density}
          value={density}
          options={(["normal", "compact"] as const).map((value) => ({ value, name: settings.densities[value] }))}
          onChange={setDensity}
        />
      </Section>
      <Notifications />
    </>
  );
}

function Notifications() {
  const there = "Notification" in window;
  const [permission, setPermission] = useState(there ? Notification.permission : "denied");
  const off = usePreference("notify") === "off";
  return (
    <Section title={settings.notifications}>
      <p className={styles.how}>{settings.notifyHow}</p>
      {permission === "default" && (
        <Button onClick={() => void Notification.requestPermission().then(setPermission)}>{settings.notifyAllow}</Button>
      )}
      {permission === "denied" && <p>{settings.notifyDenied}</p>}
      {permission === "granted" && (
        <Choice
          label={settings.notifications}
          value={off ? "off" : "on"}
          options={[
            { value: "on", name: settings.on },
            { value: "off", name: settings.off },
          ]}
          onChange={(value) => setPreference("notify", value === "off" ? "off" : null)}
        />
      )}
    </Section>
  );
}
