// The page of a server: logs in, then looks at the server as long as somebody looks at the page.
import { get, post, remove } from './api.js';
import { showCharts } from './charts.js';
import { ago, byId, duration, fillTable, printable, setServerTime, setText, size } from './dom.js';
import { clearStores, setUpStores, showStores } from './stores.js';
import { closeVerification, setUpVerification } from './verification.js';

const liveInterval = 2000;
const storesInterval = 10_000;
const busyInterval = 2000;

let session = null;
const timers = {};

byId('host').textContent = location.host;

function show(id) {
  for (const main of document.querySelectorAll('main')) main.hidden = main.id !== id;
}

function notify(text) {
  setText(byId('notice'), text);
  byId('notice').hidden = !text;
}

async function begin() {
  try {
    enter(await get('session'));
  } catch (e) {
    if (e.status === 401) askForLogin('');
    else if (e.status === 403) {
      show('refused');
      setText(byId('refusal'), e.message);
    } else {
      notify(e.message);
      setTimeout(begin, storesInterval);
    }
  }
}

function enter(entered) {
  session = entered;
  notify('');
  byId('account').hidden = !session.user;
  setText(byId('user'), printable(session.user ?? ''));
  byId('traffic').hidden = byId('logins-section').hidden = byId('errors-section').hidden = !session.isAdmin;
  show('overview');
  refresh();
}

function askForLogin(message) {
  session = null;
  closeVerification();
  clearStores();
  for (const id of ['transfers', 'logins', 'errors']) byId(id).replaceChildren();
  byId('account').hidden = true;
  show('login');
  showLoginProblem(message);
  byId('login-form').elements.user.focus();
}

function showLoginProblem(message) {
  byId('login-problem').hidden = !message;
  setText(byId('login-problem'), message);
}

byId('login-form').addEventListener('submit', async event => {
  event.preventDefault();
  const form = event.target;
  const button = form.querySelector('button');
  button.disabled = true;
  try {
    const entered = await post('session', null, { user: form.elements.user.value, password: form.elements.password.value });
    form.reset();
    enter(entered);
  } catch (e) {
    showLoginProblem(e.message);
    form.elements.password.select();
  } finally {
    button.disabled = false;
  }
});

byId('logout').addEventListener('click', () => act(async () => {
  await remove('session');
  askForLogin('');
}));

// Runs what a button does.
async function act(action) {
  try {
    await action();
    notify('');
  } catch (e) {
    fail(e);
  }
  if (session) refreshStores();
}

function fail(e) {
  if (e.status === 401) askForLogin('The session has ended.');
  else notify(e.message);
}

// Repeats while the page is looked at and a user is logged in.
async function repeat(key, look) {
  clearTimeout(timers[key]);
  const current = session;
  if (!current || document.hidden) return;
  let interval = storesInterval;
  try {
    interval = await look(current);
    if (session === current && byId('notice').dataset.by === key) {
      byId('notice').dataset.by = '';
      notify('');
    }
  } catch (e) {
    if (session !== current) return;
    byId('notice').dataset.by = key;
    fail(e);
  }
  clearTimeout(timers[key]);
  if (session === current) timers[key] = setTimeout(() => repeat(key, look), interval);
}

const refreshLive = () => repeat('live', async ({ isAdmin }) => {
  const live = await get('live');
  setServerTime(live.time);
  if (isAdmin) showCharts(live);
  showActivity(live, isAdmin);
  return liveInterval;
});

const refreshStores = () => repeat('stores', async ({ isAdmin }) => {
  const { time, stores } = await get('stores');
  setServerTime(time);
  showStores(stores, isAdmin);
  return stores.some(store => store.count.isRunning || ['running', 'waiting'].includes(store.verification?.state)) ? busyInterval : storesInterval;
});

function refresh() {
  refreshLive();
  refreshStores();
}

document.addEventListener('visibilitychange', () => {
  if (!document.hidden) refresh();
});

function showActivity(live, isAdmin) {
  const store = ['Store', row => printable(row.store ?? ''), 'name'];
  fillTable(byId('transfers'), [
    ...(live.hasStores ? [store] : []),
    ['What', row => row.operation],
    ['Name', row => printable(row.name), 'name'],
    ['From', row => printable([row.user, row.client].filter(Boolean).join(', '))],
    ['Data', row => size(row.bytes), 'n'],
    ['Time', row => duration(row.seconds), 'n'],
  ], live.transfers, 'None at the moment.');
  if (!isAdmin) return;
  fillTable(byId('logins'), [
    ['Time', row => ago(row.time), 'when'],
    ['From', row => printable(row.client)],
    ['User', row => printable(row.user ?? ''), 'name'],
    ['Times', row => String(row.count), 'n'],
  ], live.logins, 'None since the server started.');
  fillTable(byId('errors'), [
    ['Time', row => ago(row.time), 'when'],
    ['Level', row => row.level],
    ['What', row => printable(row.text), 'name'],
  ], live.errors, 'None since the server started.');
}

setUpStores(act);
setUpVerification(act);
begin();
