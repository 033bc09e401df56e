/** Around pages that fill the window (an open session, a terminal): login, live data, toasts, and nothing in sight. */

import { useQueryClient } from "@tanstack/react-query";
import { Outlet } from "@tanstack/react-router";
import { useEffect } from "react";
import { connect } from "@/api/connection";
import { ConfirmPlace } from "@/components/confirm";
import { Toasts } from "@/components/Toasts";
import { LoginExpired } from "./LoginExpired";
import { useNotifications } from "./notifications";
import { useLogin } from "./useLogin";

export function FullFrame() {
  return useLogin() ?? <Filled />;
}

function Filled() {
  const client = useQueryClient();
  useEffect(() => connect(client), [client]);
  useNotifications();
  return (
    <>
      <Outlet />
      <Toasts />
      <ConfirmPlace />
      <LoginExpired />
    </>
  );
}
