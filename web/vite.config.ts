import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig, type ProxyOptions } from "vite";

/**
 * `npm run dev` shows the pages of this tree with the data of a running server. It asks over the server's unix
 * socket (LAUNCHYARD_STATE), where you are known without a login, or at LAUNCHYARD_URL with LAUNCHYARD_TOKEN.
 */
function server(): ProxyOptions {
  const { LAUNCHYARD_STATE, LAUNCHYARD_URL, LAUNCHYARD_TOKEN } = process.env;
  if (LAUNCHYARD_STATE)
    return { target: { socketPath: `${LAUNCHYARD_STATE}/run/api.sock` } as never, ws: true };
  const target = LAUNCHYARD_URL ?? "http://127.0.0.1:8265";
  const headers = LAUNCHYARD_TOKEN ? { authorization: `Bearer ${LAUNCHYARD_TOKEN}` } : undefined;
  return { target, ws: true, headers };
}

export default defineConfig(({ command }) => ({
  plugins: [react()],
  // The server puts another nonce in its place in each answer.
  html: command === "build" ? { cspNonce: "LAUNCHYARD_NONCE" } : {},
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  build: {
    target: "es2022",
    outDir: process.env.LAUNCHYARD_WEB_OUT ?? "dist",
    emptyOutDir: true,
    // What is inlined as a data: address would need a weaker content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 800,
    sourcemap: false,
    // Two files for the first page instead of some twenty: a browser asks for six at a time.
    rollupOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: "libraries", test: /node_modules[\\/](react|react-dom|scheduler|@tanstack|use-sync-external-store)[\\/]/ },
            { name: "portal", test: /src[\\/](api|components|frame|state|styles|words\.ts|words[\\/]index)/ },
          ],
        },
      },
    },
  },
  worker: { format: "es" },
  server: {
    host: "127.0.0.1",
    port: Number(process.env.PORT ?? 5173),
    proxy: { "/v1": server(), "/login": { ...server(), bypass: onlyPosts }, "/logout": server(), "/session": server(), "/openapi.json": server() },
  },
}));

function onlyPosts(request: { method?: string }): string | undefined {
  return request.method === "POST" ? undefined : "/index.html";
}
