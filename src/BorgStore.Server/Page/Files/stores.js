// The table of stores. Rows stay in place while their figures change, so that the focus does too.
import { post } from './api.js';
import { byId, count, el, percent, printable, setText, setTime, size } from './dom.js';
import { describe, openVerification } from './verification.js';

const manyStores = 8;
const rows = new Map();
let sorting = { key: 'name', descending: false };
let act;
let isAdmin;

const sortKeys = {
  name: store => store.title,
  size: store => sizeOf(store) ?? -1,
  items: store => store.count.items ?? -1,
  deleted: store => store.count.deletedBytes ?? -1,
  written: store => store.count.lastWrite ?? '',
  verified: store => store.verification?.ended ?? store.verification?.started ?? '',
};

// "run" runs an action of a button, shows its failure, and then looks at the stores again.
export function setUpStores(run) {
  act = run;
  byId('filter').addEventListener('input', arrange);
  for (const header of byId('stores').querySelectorAll('[data-sort]')) {
    header.querySelector('button').addEventListener('click', () => {
      const key = header.dataset.sort;
      sorting = { key, descending: sorting.key === key ? !sorting.descending : key !== 'name' };
      arrange();
    });
  }
}

export function clearStores() {
  rows.clear();
  byId('stores').tBodies[0].replaceChildren();
  byId('filter').value = '';
}

export function showStores(stores, admin) {
  isAdmin = admin;
  const names = new Set(stores.map(store => store.name));
  for (const name of rows.keys())
    if (!names.has(name)) {
      rows.get(name).element.remove();
      rows.delete(name);
    }
  const isNew = stores.filter(store => !rows.has(store.name)).map(store => rows.set(store.name, createRow(store))).length > 0;
  for (const store of stores) updateRow(rows.get(store.name), store);
  byId('filter-label').hidden = stores.length <= manyStores;
  byId('stores').hidden = stores.length === 0;
  byId('no-stores').hidden = stores.length > 0;
  setText(byId('no-stores'), isAdmin ? 'There is no store yet.' : 'There is no store that you may use.');
  showTotal(stores);
  if (isNew) arrange();
}

function showTotal(stores) {
  const known = stores.filter(store => sizeOf(store) != null);
  const total = size(known.reduce((sum, store) => sum + sizeOf(store), 0));
  setText(byId('stores-total'), stores.length < 2 ? '' : `${count(stores.length)} stores, ${total}${known.length < stores.length ? ` in ${count(known.length)} of them` : ''}`);
}

// The server keeps the usage of stores with a quota exact; of others it has what was counted.
function sizeOf({ quota, count }) {
  return quota?.used ?? (count.bytes == null ? null : count.bytes + count.deletedBytes);
}

function createRow(store) {
  const cell = (label, kind, ...children) => el('td', { role: 'cell', 'data-label': label, ...(kind && { class: kind }) }, ...children);
  const row = {
    name: el('th', { scope: 'row', role: 'rowheader' }),
    size: el('span'), quota: el('span', { class: 'quiet' }), bar: el('span', { class: 'bar', 'aria-hidden': 'true' }, el('span')),
    items: el('span'), counted: el('small', { class: 'quiet' }),
    deleted: el('span'), share: el('span', { class: 'quiet' }),
    written: el('td', { role: 'cell', 'data-label': 'Last write', class: 'when' }),
    verified: el('span'),
    again: el('button', { type: 'button' }, 'Count'),
    verify: el('button', { type: 'button' }, 'Verify…'),
  };
  const title = printable(store.title);
  row.name.textContent = title;
  row.again.setAttribute('aria-label', `Count ${title}`);
  row.verify.setAttribute('aria-label', `Verify ${title}`);
  row.again.addEventListener('click', () => act(() => post('count', { store: store.name })));
  row.verify.addEventListener('click', () => openVerification(row.store));
  row.verify.hidden = !isAdmin;
  row.element = el('tr', { role: 'row' }, row.name,
    cell('Size', 'n', row.size, ' ', row.quota, row.bar),
    cell('Items', 'n', row.items, row.counted),
    cell('Soft-deleted', 'n', row.deleted, ' ', row.share), row.written,
    cell('Verification', 'when', row.verified),
    cell('', 'actions', row.again, row.verify));
  return row;
}

function updateRow(row, store) {
  row.store = store;
  const { quota, count: counted } = store;
  const used = sizeOf(store);
  setText(row.size, used == null ? '–' : size(used));
  setText(row.quota, quota?.limit == null ? '' : `of ${size(quota.limit)}`);
  showBar(row.bar, quota?.limit != null && used != null ? used / Math.max(1, quota.limit) : null);
  setText(row.items, counted.items == null ? '–' : count(counted.items));
  const all = counted.bytes + counted.deletedBytes;
  setText(row.deleted, counted.deletedItems == null ? '–' : size(counted.deletedBytes));
  setText(row.share, counted.deletedItems && all ? percent(counted.deletedBytes / all * 100) : '');
  row.deleted.title = counted.deletedItems == null ? '' : `${count(counted.deletedItems)} items`;
  setTime(row.written, counted.lastWrite);
  if (!counted.lastWrite) setText(row.written, '–');
  showVerification(row.verified, store.verification);
  showCounted(row, counted);
}

function showBar(bar, share) {
  bar.hidden = share == null;
  if (share == null) return;
  bar.firstChild.style.width = `${Math.min(100, share * 100)}%`;
  bar.className = `bar ${share >= 0.95 ? 'full' : share >= 0.8 ? 'filling' : ''}`;
}

function showVerification(cell, verification) {
  setText(cell, describe(verification));
  cell.className = verification?.problems || verification?.state === 'failed' ? 'problem' : '';
  cell.title = verification?.ended ? new Date(verification.ended).toLocaleString() : '';
}

function showCounted(row, counted) {
  row.again.disabled = counted.isRunning;
  row.counted.className = counted.error ? 'problem' : 'quiet';
  if (counted.isRunning) setText(row.counted, counted.soFar ? `counting, ${count(counted.soFar)} so far` : 'to be counted');
  else if (counted.error) setText(row.counted, 'not counted');
  else setTime(row.counted, counted.time, 'counted ');
  if (counted.error) row.counted.title = printable(counted.error);
}

// Sorts the rows and hides those that are not looked for.
function arrange() {
  const wanted = byId('filter').value.trim().toLowerCase();
  const key = sortKeys[sorting.key];
  const compare = (a, b) => typeof a === 'number' ? a - b : a.localeCompare(b, 'en', { numeric: true });
  const sorted = [...rows.values()].sort((a, b) => compare(key(a.store), key(b.store)) * (sorting.descending ? -1 : 1));
  const focused = document.activeElement;
  byId('stores').tBodies[0].append(...sorted.map(row => row.element));
  focused?.focus();
  for (const row of sorted) row.element.hidden = !row.store.title.toLowerCase().includes(wanted);
  for (const header of byId('stores').querySelectorAll('[data-sort]')) {
    if (header.dataset.sort === sorting.key) header.setAttribute('aria-sort', sorting.descending ? 'descending' : 'ascending');
    else header.removeAttribute('aria-sort');
  }
}
