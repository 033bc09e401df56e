/** Settings: how this browser shows the portal; tokens; where one is logged in. */

import { useParams } from "@tanstack/react-router";
import { Page as PageFrame, Tabs } from "@/components";
import { words } from "@/words";
import { Appearance } from "./Appearance";
import { Logins } from "./Logins";
import { Tokens } from "./Tokens";

const TABS = [
  { to: "/settings", name: words.settings.appearance, exact: true },
  { to: "/settings/tokens", name: words.frame.tokens },
  { to: "/settings/browsers", name: words.settings.logins },
];

export function Page() {
  const { tab } = useParams({ strict: false }) as { tab?: string };
  return (
    <PageFrame title={words.settings.title} narrow tabs={<Tabs label={words.settings.title} tabs={TABS} />}>
      {tab === "tokens" ? <Tokens /> : tab === "browsers" ? <Logins /> : <Appearance />}
    </PageFrame>
  );
}
