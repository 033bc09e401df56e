/**
 * Every page and its address. A page is a folder below `pages/` whose module exports `Page`; it is loaded when
 * somebody goes there. What a search part (`?state=...`) may hold is the page's own affair.
 */

import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  type RouteComponent,
} from "@tanstack/react-router";
import { Frame } from "./frame/Frame";
import { Missing } from "./pages/missing/Missing";
import { parseSearch, stringifySearch } from "./state/search";

type Module = () => Promise<{ Page: RouteComponent }>;

const root = createRootRoute({ notFoundComponent: Missing });
const framed = createRoute({ getParentRoute: () => root, id: "framed", component: Frame, notFoundComponent: Missing });

const login = createRoute({
  getParentRoute: () => root,
  path: "/login",
  component: lazyRouteComponent(() => import("./pages/login/LoginPage"), "Page"),
});

function page(path: string, load: Module) {
  return createRoute({ getParentRoute: () => framed, path, component: lazyRouteComponent(load, "Page") });
}

const pages = [
  page("/", () => import("./pages/home/HomePage")),
  page("/jobs", () => import("./pages/jobs/JobsPage")),
  page("/jobs/$job", () => import("./pages/job/JobPage")),
  page("/jobs/$job/$tab", () => import("./pages/job/JobPage")),
  page("/groups/$group", () => import("./pages/group/GroupPage")),
  page("/new/batch", () => import("./pages/newbatch/NewBatchPage")),
  page("/new/session", () => import("./pages/newsession/NewSessionPage")),
  page("/new/session/$app", () => import("./pages/newsession/NewSessionPage")),
  page("/sessions", () => import("./pages/sessions/SessionsPage")),
  page("/files", () => import("./pages/files/FilesPage")),
  page("/files/$", () => import("./pages/files/FilesPage")),
  page("/cluster", () => import("./pages/cluster/ClusterPage")),
  page("/cluster/$tab", () => import("./pages/cluster/ClusterPage")),
  page("/admin", () => import("./pages/admin/AdminPage")),
  page("/admin/$tab", () => import("./pages/admin/AdminPage")),
  page("/settings", () => import("./pages/settings/SettingsPage")),
  page("/settings/$tab", () => import("./pages/settings/SettingsPage")),
  page("/errors/$code", () => import("./pages/meaning/MeaningPage")),
  page("/about", () => import("./pages/about/AboutPage")),
  // Everything else, inside the frame: who is logged in gets a way on.
  createRoute({ getParentRoute: () => framed, path: "$", component: Missing }),
];

/** Pages that fill the window, without rail and top bar; they too wait for a login. */
const full = createRoute({
  getParentRoute: () => root,
  id: "full",
  component: lazyRouteComponent(() => import("./frame/FullFrame"), "FullFrame"),
});

function fullPage(path: string, load: Module) {
  return createRoute({ getParentRoute: () => full, path, component: lazyRouteComponent(load, "Page") });
}

const fullPages = [
  fullPage("/sessions/$session", () => import("./pages/session/SessionPage")),
  fullPage("/terminal", () => import("./pages/terminal/TerminalPage")),
];

export const router = createRouter({
  routeTree: root.addChildren([login, framed.addChildren(pages), full.addChildren(fullPages)]),
  parseSearch,
  stringifySearch,
  defaultPreload: "intent",
  scrollRestoration: true,
  defaultNotFoundComponent: Missing,
});
