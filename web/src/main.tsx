/** The portal begins here. */

import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { createRoot } from "react-dom/client";
import "./styles/tokens.css";
import "./styles/base.css";
import { meQuery } from "./api/queries";
import { client } from "./api/queryclient";
import { router } from "./routes";
import { giveStylesTheNonce } from "./state/nonce";

giveStylesTheNonce();

// Asked for while the page is still being put together; the login page alone does not ask.
if (!location.pathname.startsWith("/login")) void client.prefetchQuery(meQuery);

// The server was upgraded under an open page: its parts have other names now.
addEventListener("vite:preloadError", () => location.reload());

const root = document.getElementById("root");
if (root)
  createRoot(root).render(
    <QueryClientProvider client={client}>
      <RouterProvider router={router} />
    </QueryClientProvider>,
  );
