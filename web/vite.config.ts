import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin, type ProxyOptions, type Rolldown } from "vite";

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

/**
 * Writes places.json for the server: which files the page at each address needs beside those that every page
 * names. A browser then fetches them at once instead of when the script of the first page asks for them.
 */
function places(): Plugin {
  return {
    name: "launchyard-places",
    apply: "build",
    generateBundle: {
      order: "post",
      handler(_, bundle) {
        const chunks = Object.values(bundle).filter((one): one is Rolldown.OutputChunk => one.type === "chunk");
        const of = (module: string) => {
          const found = chunks.find((one) => one.facadeModuleId?.endsWith(`/src/${module}.tsx`));
          return found ? filesOf(found, chunks) : this.error(`no part of the build is ${module}`);
        };
        const known = new Set(chunks.filter((one) => one.isEntry).flatMap((one) => [...filesOf(one, chunks)]));
        const frame = [...of("frame/FullFrame")].filter((file) => !known.has(file));
        const routes = readFileSync(fileURLToPath(new URL("./src/routes.tsx", import.meta.url)), "utf8");
        const told: Record<string, string[]> = {};
        for (const [, full, path, module] of routes.matchAll(/\b(page|fullPage)\("([^"]+)", \(\) => import\("\.\/([^"]+)"\)\)/g)) {
          const own = [...of(module ?? "")].filter((file) => !known.has(file));
          told[path ?? ""] = [...new Set(full === "page" ? own : [...frame, ...own])];
        }
        if (Object.keys(told).length === 0) this.error("src/routes.tsx names no pages as places() reads them");
        this.emitFile({ type: "asset", fileName: "places.json", source: JSON.stringify(told) });
      },
    },
  };
}

/** A chunk, what it imports at once, and the styles of all of them. */
function filesOf(chunk: Rolldown.OutputChunk, chunks: readonly Rolldown.OutputChunk[], found = new Set<string>()): Set<string> {
  if (found.has(chunk.fileName)) return found;
  found.add(chunk.fileName);
  for (const name of chunk.imports) {
    const next = chunks.find((one) => one.fileName === name);
    if (next) filesOf(next, chunks, found);
  }
  for (const style of chunk.viteMetadata?.importedCss ?? []) found.add(style);
  return found;
}

export default defineConfig(({ command }) => ({
  plugins: [react(), places()],
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
            { name: "libraries", test: /node_modules[\\/](react|react-dom|scheduler|@tanstack[\\/](?!react-virtual|virtual-core)[\w-]+|use-sync-external-store)[\\/]/ },
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
