// An OpenID provider for tests: the certified `oidc-provider`, one confidential client, a login page without
// a password. Usage: node oidc.mjs CONFIG.json
//
//   {"users": [{"sub", "email", "email_verified", "name", "groups"}], "client_id", "client_secret",
//    "backchannel_logout_uri"}
//
// The file is read again at every look-up, so a test may change a person's groups between two logins.
// The client is a native one with a secret: its redirect addresses on loopback are good at any port.
//
// For tests alone: POST /test/backchannel-logout {"sub", "sid"} sends the client a logout token, as when an
// administrator ends a session; the answer is 204, or 502 with what the client answered.

import { body, listen, ready } from "./serve.mjs";
import { readFileSync } from "node:fs";
import Provider from "oidc-provider";

const file = process.argv[2];
if (!file) {
  console.error("usage: node oidc.mjs CONFIG.json");
  process.exit(2);
}
const load = () => JSON.parse(readFileSync(file, "utf8"));
const start = load();
const { server, url } = await listen();
const loopback = (path) => ["127.0.0.1", "localhost", "[::1]"].map((host) => `http://${host}${path}`);

const client = {
  client_id: start.client_id ?? "recert",
  client_secret: start.client_secret ?? "secret",
  application_type: "native",
  token_endpoint_auth_method: "client_secret_basic",
  grant_types: ["authorization_code"],
  response_types: ["code"],
  redirect_uris: loopback("/login/callback"),
  post_logout_redirect_uris: [...loopback("/"), ...loopback("/login"), ...loopback("/logout")],
};
if (start.backchannel_logout_uri) {
  client.backchannel_logout_uri = start.backchannel_logout_uri;
  client.backchannel_logout_session_required = true;
}

const findAccount = (ctx, sub) => {
  const user = load().users.find((u) => u.sub === sub);
  return user && { accountId: sub, claims: () => user };
};

const provider = new Provider(url, {
  clients: [client],
  findAccount,
  claims: {
    openid: ["sub"],
    email: ["email", "email_verified"],
    profile: ["name"],
    groups: ["groups"],
  },
  conformIdTokenClaims: false, // the claims are in the ID token, as most providers in offices send them
  pkce: { required: () => true },
  cookies: { keys: ["only for tests"] },
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  features: {
    devInteractions: { enabled: false },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: (ctx, form) => {
        ctx.type = "html";
        ctx.body = page("Sign out?", `${form}<button form="op.logoutForm" name="logout" value="yes">Sign out</button>`);
      },
    },
  },
  // Consent is the office's business, not the person's: every scope the client asks for is granted.
  loadExistingGrant: async (ctx) => {
    const grant = new ctx.oidc.provider.Grant({
      clientId: ctx.oidc.client.clientId,
      accountId: ctx.oidc.session.accountId,
    });
    grant.addOIDCScope("openid email profile groups");
    await grant.save();
    return grant;
  },
});
// As for redirects: on loopback, any port.
provider.Client.prototype.postLogoutRedirectUriAllowed = function allowed(address) {
  const target = new URL(address);
  target.port = "";
  return this.postLogoutRedirectUris.includes(target.href);
};
provider.on("server_error", (ctx, error) => console.error(error));

const escape = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
const page = (title, content) => `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title>
<main><h1>${title}</h1>${content}</main></html>`;

/** The login page: who are you? A user name is the sub or the e-mail address. */
async function login(request, response) {
  const { uid, params, prompt } = await provider.interactionDetails(request, response);
  const finish = (result) => provider.interactionFinished(request, response, { ...result, consent: {} }, { mergeWithLastSubmission: false });
  if (prompt.name === "consent") { // signed in already; a native client's person is asked each time, and says yes
    await finish({});
    return;
  }
  let problem = "";
  if (request.method === "POST") {
    const typed = new URLSearchParams(await body(request)).get("username");
    const user = load().users.find((u) => u.sub === typed || u.email === typed);
    if (user) {
      await finish({ login: { accountId: user.sub, amr: ["pwd"] } });
      return;
    }
    problem = `<p role="alert">Nobody is called ${escape(typed)}.</p>`;
  }
  response.writeHead(problem ? 422 : 200, { "content-type": "text/html; charset=utf-8" });
  response.end(page("Test sign-in", `${problem}<form method="post" action="/interaction/${escape(uid)}">
<label for="username">User name</label>
<input id="username" name="username" value="${escape(params.login_hint ?? "")}" autofocus required>
<button>Sign in</button></form>`));
}

/** Sends the client a logout token for one session. */
async function endSession(request, response) {
  const { sub, sid } = JSON.parse(await body(request));
  const registered = await provider.Client.find(client.client_id);
  try {
    await registered.backchannelLogout(sub, sid);
    response.writeHead(204).end();
  } catch (error) {
    response.writeHead(502, { "content-type": "text/plain" }).end(String(error.message));
  }
}

const handle = provider.callback();
server.on("request", (request, response) => {
  const { pathname } = new URL(request.url, url);
  let own;
  if (pathname.startsWith("/interaction/")) own = login;
  if (pathname === "/test/backchannel-logout" && request.method === "POST") own = endSession;
  if (!own) {
    handle(request, response);
    return;
  }
  own(request, response).catch((error) => {
    console.error(error);
    if (!response.headersSent) response.writeHead(400, { "content-type": "text/plain" });
    response.end(String(error.message));
  });
});

ready({ url, client_id: client.client_id, client_secret: client.client_secret });
