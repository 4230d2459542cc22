"use strict";
// Shows what the API says; every text is set as text, never as HTML.

const POLL_MILLISECONDS = 2000;
const byId = (id) => document.getElementById(id);

const ALREADY_REFRESHED = 409; // by another tab: the new cookies are here, or on their way
const ON_THEIR_WAY_MILLISECONDS = 1000;
let refreshing = null;

// One refresh for all calls that wait for it: a refresh token used twice ends the session.
function refresh() {
  refreshing ??= fetch("/api/auth/refresh", { method: "POST", credentials: "same-origin" })
    .then(async (response) => {
      if (response.status !== ALREADY_REFRESHED) return response.ok;
      await new Promise((goOn) => { setTimeout(goOn, ON_THEIR_WAY_MILLISECONDS); });
      return true;
    })
    .finally(() => { refreshing = null; });
  return refreshing;
}

async function call(path, options = {}, mayRefresh = true) {
  const response = await fetch(path, { credentials: "same-origin", ...options });
  if (response.status === 401 && mayRefresh && await refresh()) return call(path, options, false);
  if (!response.ok) {
    const problem = await response.json().catch(() => ({}));
    throw Object.assign(new Error(problem.detail || response.statusText), { status: response.status });
  }
  return response.status === 204 ? null : response.json();
}

async function send(method, path) {
  const { csrfToken } = await call("/api/auth/csrf");
  return call(path, { method, headers: { "X-CSRF-Token": csrfToken } });
}

const DECIMALS = { jpy: 0, krw: 0, kwd: 3, bhd: 3 };
function money(minor, currency) {
  if (minor === null || minor === undefined) return "needs a cost document";
  const decimals = DECIMALS[currency] ?? 2;
  return `${(minor / 10 ** decimals).toFixed(decimals)} ${currency.toUpperCase()}`;
}

function row(cells) {
  const line = document.createElement("tr");
  for (const text of cells) line.appendChild(document.createElement("td")).textContent = text ?? "";
  return line;
}

async function showConnections(me) {
  byId("connections").replaceChildren(...me.integrations.map((one) => {
    const item = document.createElement("li");
    item.textContent = `${one.provider}: ${one.status.replaceAll("_", " ")}`;
    if (one.provider === "amazon" && one.status !== "connected") {
      const link = document.createElement("a");
      link.href = "/api/auth/amazon/start";
      link.textContent = " connect";
      item.appendChild(link);
    }
    return item;
  }));
}

function paintSync(data) {
  byId("stage").textContent = data.status === "running" ? data.stage : `${data.stage} (${data.status})`;
  byId("percent").value = data.percent;
  byId("counts").textContent = `${data.percent} % · ${data.processedCases} of ${data.totalCases} cases`;
}

// Answers the id of the running sync, null when none runs.
async function showSync() {
  const history = await call("/api/sync/history");
  const runs = history.items ?? history.data ?? [];
  if (runs.length === 0) return null;
  const { data } = await call(`/api/sync/status/${runs[0].syncId}`);
  paintSync(data);
  return data.status === "running" ? data.syncId : null;
}

const QUIET_MILLISECONDS = 45000; // the server speaks at least every 20 seconds
const FAILURES_BEFORE_POLLING = 3;
let live = null; // the window on the running sync
let failures = 0; // windows in a row that never said anything

function watch(syncId) {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const socket = new WebSocket(`${scheme}://${location.host}/api/sync/progress/${syncId}`);
  live = socket;
  failures += 1;
  let silence = null;
  const heard = () => {
    clearTimeout(silence);
    silence = setTimeout(() => socket.close(), QUIET_MILLISECONDS);
  };
  socket.addEventListener("open", heard);
  socket.addEventListener("message", (event) => {
    heard();
    failures = 0;
    paintSync(JSON.parse(event.data).data);
  });
  // At the end of the sync, and whenever the line breaks: look, then watch again or poll.
  socket.addEventListener("close", () => {
    clearTimeout(silence);
    live = null;
    lookAgain(failures ? POLL_MILLISECONDS : 0);
  });
}

let timer = null;
function lookAgain(milliseconds) {
  clearTimeout(timer);
  timer = setTimeout(refreshAll, milliseconds);
}

async function showCases() {
  const page = await call("/api/cases");
  byId("cases").replaceChildren(...page.items.map((one) => row([
    one.claimType, one.fnsku, one.quantity, money(one.valueCents, one.currency), one.status, one.deadline,
  ])));
}

async function showRecoveries() {
  const page = await call("/api/billing/recoveries");
  byId("recoveries").replaceChildren(...page.items.map((one) => row([
    one.recoveryId, one.approvedAt.slice(0, 10), money(one.amountCents, one.currency),
    one.billable ? money(one.feeCents, one.currency) : "none",
    one.billable ? one.commissionStatus ?? "requested" : one.notBillableReason,
  ])));
}

function tell(text) { byId("notice").textContent = text; }

async function refreshAll() {
  const parts = await Promise.allSettled([showSync(), showCases(), showRecoveries()]);
  const broken = parts.find((part) => part.status === "rejected");
  tell(broken ? broken.reason.message : "");
  const [sync] = parts;
  if (sync.status === "rejected" && !(sync.reason.status < 500)) lookAgain(POLL_MILLISECONDS);
  const running = sync.status === "fulfilled" ? sync.value : null;
  if (running === null || live !== null) return;
  if (failures < FAILURES_BEFORE_POLLING) watch(running);
  else lookAgain(POLL_MILLISECONDS);
}

async function showErasure() {
  const ordered = await call("/api/account/erasure").catch((error) => {
    if (error.status !== 404) throw error;
    return null;
  });
  byId("erasure").hidden = ordered?.state !== "waiting";
  if (ordered === null) return;
  const [asked, begins] = [ordered.orderedAt, ordered.startsAt].map((at) => new Date(at).toLocaleString());
  byId("erasure-when").textContent = `Ordered on ${asked}. It begins on ${begins} and cannot be undone then.`;
}

// What is done, and shown anew; or why it could not be done.
function onClick(id, act) {
  byId(id).addEventListener("click", () => act().catch((error) => tell(error.message)));
}

async function signOut(query) {
  await send("POST", `/api/auth/logout${query}`);
  location.reload();
}

async function keepAccount() {
  await send("DELETE", "/api/account/erasure");
  await showErasure();
}

async function begin() {
  let me;
  try {
    me = await call("/api/me");
  } catch (error) {
    byId("signed-out").hidden = false;
    if (error.status !== 401) tell(error.message);
    return;
  }
  byId("who").textContent = `${me.name} · ${me.email}`;
  byId("signed-in").hidden = byId("logout").hidden = byId("logout-everywhere").hidden = false;
  onClick("logout", () => signOut(""));
  onClick("logout-everywhere", () => signOut("?everywhere=true"));
  onClick("keep-account", keepAccount);
  byId("start-sync").addEventListener("click", async () => {
    failures = 0;
    try { await send("POST", "/api/sync/start"); } catch (error) { tell(error.message); return; }
    refreshAll();
  });
  await showConnections(me);
  await showErasure().catch((error) => tell(error.message));
  await refreshAll();
}

begin();
