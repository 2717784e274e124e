// A SCIM 2.0 service for tests: `scimmy` and `scimmy-routers` speak the protocol, the state is in memory.
// Usage: node scim.mjs SEED.json
//
//   {"token", "users": [SCIM user with an id], "groups": [SCIM group with an id and members], "ignore_paging"}
//
// As shipped, the routers hand startIndex and count on as text, which scimmy ignores: each page is then the first 20
// resources, whatever was asked. The query parser below hands on numbers; "ignore_paging": true leaves the fault in.
//
// The base address of the service is URL/scim/v2. GET /test/state answers with everything as it is stored and
// with every request that changed something, past the protocol, so that a test can look behind the service's back.

import { listen, ready } from "./serve.mjs";
import { readFileSync } from "node:fs";
import { randomUUID } from "node:crypto";
import express from "express";
import SCIMMY from "scimmy";
import SCIMMYRouters from "scimmy-routers";

const file = process.argv[2];
if (!file) {
  console.error("usage: node scim.mjs SEED.json");
  process.exit(2);
}
const seed = JSON.parse(readFileSync(file, "utf8"));
if (!seed.token) throw new Error(`${file}: "token" is missing`);

const created = "2026-01-05T08:00:00.000Z";
const stored = (resource, resourceType) => ({
  ...resource,
  meta: { resourceType, created, lastModified: created, ...resource.meta },
});
const users = new Map((seed.users ?? []).map((user) => [user.id, stored(user, "User")]));
const groups = new Map((seed.groups ?? []).map((group) => [group.id, stored(group, "Group")]));
const changes = [];

/** The groups that hold a member directly, as a user's read-only `groups` attribute. */
const groupsOf = (id) => [...groups.values()]
  .filter((group) => (group.members ?? []).some((member) => member.value === id))
  .map((group) => ({ value: group.id, display: group.displayName, type: "direct" }));

/** The storage behind one resource type. A type's unique attribute is checked the way a real service would. */
function store(all, resourceType, unique, present = (resource) => resource) {
  const missing = (id) => new SCIMMY.Types.Error(404, null, `${resourceType} ${id} not found`);
  return {
    ingress: (resource, data) => {
      const id = resource.id ?? randomUUID();
      const before = all.get(id);
      if (resource.id && !before) throw missing(id);
      const taken = [...all.values()].some((other) => other.id !== id
        && String(other[unique]).toLowerCase() === String(data[unique]).toLowerCase());
      if (taken) throw new SCIMMY.Types.Error(409, "uniqueness", `${unique} is taken`);
      const now = new Date().toISOString();
      const plain = JSON.parse(JSON.stringify(data));
      const meta = { resourceType, created: before?.meta.created ?? now, lastModified: now };
      all.set(id, { ...plain, id, meta });
      return present(all.get(id));
    },
    egress: (resource) => {
      if (resource.id) {
        if (!all.has(resource.id)) throw missing(resource.id);
        return present(all.get(resource.id));
      }
      const list = [...all.values()].map(present);
      return resource.filter ? resource.filter.match(list) : list;
    },
    degress: (resource) => {
      if (!all.delete(resource.id)) throw missing(resource.id);
      for (const group of groups.values()) {
        group.members = (group.members ?? []).filter((member) => member.value !== resource.id);
      }
    },
  };
}

SCIMMY.Resources.declare(SCIMMY.Resources.User, store(users, "User", "userName", (user) => ({ ...user, groups: groupsOf(user.id) })));
SCIMMY.Resources.declare(SCIMMY.Resources.Group, store(groups, "Group", "displayName"));

const { server, url } = await listen();
const app = express();
app.disable("x-powered-by");
if (!seed.ignore_paging) {
  app.set("query parser", (text) => Object.fromEntries([...new URLSearchParams(text)]
    .map(([name, value]) => [name, ["startIndex", "count"].includes(name) ? Number(value) : value])));
}
app.get("/test/state", (request, response) => {
  response.json({ users: [...users.values()], groups: [...groups.values()], changes });
});
app.use((request, response, next) => {
  response.on("finish", () => {
    if (request.method === "GET") return;
    changes.push({ method: request.method, path: request.originalUrl, status: response.statusCode, body: request.body });
  });
  next();
});
app.use("/scim/v2", new SCIMMYRouters({
  type: "bearer",
  handler: (request) => {
    if (request.header("authorization") !== `Bearer ${seed.token}`) throw new Error("The bearer token is not the right one");
    return "test";
  },
}));
server.on("request", app);

ready({ url: `${url}/scim/v2`, token: seed.token });
