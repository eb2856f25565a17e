// The dialog of a store's verification: start it, watch it, stop it, and read what it found.
import { get, post, remove } from './api.js';
import { ago, byId, count, duration, fillTable, percent, printable, setText, size } from './dom.js';

const pollInterval = 1000;

let store = null;
let act;
let shownFindings = 0;
let timer;

export function describe(verification) {
  if (!verification) return 'none yet';
  if (verification.state === 'waiting') return 'waiting';
  if (verification.state === 'running') return `${verification.state}, ${progressOf(verification)}${verification.problems ? ', ' + problemsOf(verification) : ''}`;
  const when = ago(verification.ended);
  const found = problemsOf(verification);
  if (verification.state === 'failed') return `failed ${when}`;
  return verification.state === 'stopped' ? `stopped ${when}, ${found}` : `${found}, ${when}`;
}

const problemsOf = ({ problems }) => problems ? `${count(problems)} ${problems === 1 ? 'problem' : 'problems'}` : 'no problems';

const isActive = verification => verification?.state === 'running' || verification?.state === 'waiting';

function progressOf(verification) {
  const share = shareOf(verification);
  return share == null ? `${count(verification.items)} items` : percent(share * 100);
}

// How much there is to check is known from the last count, which may be old.
function shareOf({ bytes, items, totalBytes, totalItems }) {
  if (totalItems == null) return null;
  return totalBytes > 0 ? Math.min(1, bytes / totalBytes) : totalItems > 0 ? Math.min(1, items / totalItems) : null;
}

export function setUpVerification(run) {
  act = run;
  const dialog = byId('verification');
  byId('verification-close').addEventListener('click', () => dialog.close());
  dialog.addEventListener('close', () => {
    clearTimeout(timer);
    store = null;
  });
  byId('verification-start').addEventListener('click', () => change(() => post('verification', { store: store.name })));
  byId('verification-stop').addEventListener('click', () => change(() => remove('verification', { store: store.name })));
}

export function openVerification(selected) {
  store = selected;
  shownFindings = -1;
  setText(byId('verification-title'), `Verification of ${printable(store.title)}`);
  show(store.verification);
  byId('verification').showModal();
  poll();
}

// Nothing of it stays behind for the next user.
export function closeVerification() {
  byId('verification').close();
  for (const id of ['verification-title', 'verification-state', 'verification-status', 'findings']) byId(id).replaceChildren();
}

async function change(action) {
  await act(action);
  await poll();
}

async function poll() {
  clearTimeout(timer);
  const polled = store;
  if (!polled) return;
  try {
    const verification = await get('verification', { store: polled.name });
    if (store !== polled) return;
    show(verification);
    if (isActive(verification)) timer = setTimeout(poll, pollInterval);
  } catch (e) {
    if (store === polled) setText(byId('verification-state'), e.message);
  }
}

function show(verification) {
  const isRunning = isActive(verification);
  const [start, stop] = [byId('verification-start'), byId('verification-stop')];
  const wasFocused = document.activeElement === start || document.activeElement === stop;
  start.hidden = isRunning;
  stop.hidden = !isRunning;
  if (wasFocused) (isRunning ? stop : start).focus();
  setText(start, verification ? 'Start again' : 'Start');

  setText(byId('verification-state'), summarize(verification));
  byId('verification-state').className = !isRunning && (verification?.problems || verification?.state === 'failed') ? 'problem' : '';
  // Read aloud, but not each second.
  setText(byId('verification-status'), isRunning ? 'running' : describe(verification));
  const progress = byId('verification-progress');
  progress.hidden = !isRunning;
  const share = verification && shareOf(verification);
  if (share == null) progress.removeAttribute('value');
  else progress.value = share;
  showFindings(verification);
}

function summarize(verification) {
  if (!verification) return 'It was not verified since the server started.';
  const { state, items, bytes, seconds, error } = verification;
  const checked = `${count(items)} ${items === 1 ? 'item' : 'items'} with ${size(bytes)}`;
  const found = problemsOf(verification) + ' found';
  switch (state) {
    case 'waiting': return 'It waits until the verification of another store has ended.';
    case 'running': return `${shareOf(verification) == null ? '' : progressOf(verification) + ': '}checked ${checked} in ${duration(seconds)}, ${found} so far.`;
    case 'complete': return `Verified ${ago(verification.ended)}: ${checked} in ${duration(seconds)}, ${found}.`;
    case 'stopped': return `Stopped ${ago(verification.ended)} after ${checked}, ${found}.`;
    default: return `Failed ${ago(verification.ended)} after ${checked}, ${found}: ${printable(error)}`;
  }
}

function showFindings(verification) {
  const findings = verification?.findings ?? [];
  byId('findings-section').hidden = !verification?.problems;
  if (findings.length === shownFindings) return;
  shownFindings = findings.length;
  setText(byId('findings-title'), verification?.problems > findings.length ? `The first ${count(findings.length)} of ${count(verification.problems)} problems` : 'Problems');
  fillTable(byId('findings'), [
    ['Problem', finding => finding.problem],
    ['Name', finding => printable(finding.name), 'name'],
    ['What to do', finding => printable(finding.reason)],
  ], findings, '');
}
