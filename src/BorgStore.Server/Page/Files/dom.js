// Elements and texts. Whatever comes from the server becomes text, never HTML.

const svgNamespace = 'http://www.w3.org/2000/svg';

export const byId = id => document.getElementById(id);

export function el(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(svgNamespace, name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children.filter(child => child != null));
  return element;
}

// Sets a text only if it has changed, so that a selection and a screen reader are left alone.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setTime(element, time, prefix = '') {
  setText(element, time ? prefix + ago(time) : '');
  element.title = time ? new Date(time).toLocaleString() : '';
}

// A table of texts: columns are [title, row => text, class].
export function fillTable(table, columns, rows, empty) {
  if (rows.length === 0) {
    table.replaceChildren(el('caption', { class: 'quiet' }, empty));
    return;
  }
  const kind = column => column[2] ? { class: column[2] } : {};
  table.replaceChildren(
    el('thead', { role: 'rowgroup' }, el('tr', { role: 'row' }, ...columns.map(column => el('th', { scope: 'col', role: 'columnheader', ...kind(column) }, column[0])))),
    el('tbody', { role: 'rowgroup' }, ...rows.map(row => el('tr', { role: 'row' },
      ...columns.map(column => el('td', { role: 'cell', 'data-label': column[0], ...kind(column) }, column[1](row) ?? ''))))));
}

// Control characters and those that turn the direction of text would make a name look like another one.
export const printable = text => text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}]/gu, c => '\\u{' + c.codePointAt(0).toString(16) + '}');

export function size(bytes) {
  if (bytes == null) return '';
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let unit = 0;
  for (; bytes >= 1023.5 && unit < units.length - 1; unit++) bytes /= 1024;
  return `${bytes.toFixed(unit === 0 || bytes >= 99.95 ? 0 : bytes >= 9.995 ? 1 : 2)} ${units[unit]}`;
}

export const count = number => number == null ? '' : number.toLocaleString('en');

export function percent(share) {
  return share > 0 && share < 0.1 ? '<0.1\u00a0%' : `${share.toFixed(share < 10 && share % 1 ? 1 : 0)}\u00a0%`;
}

export function duration(seconds) {
  if (seconds < 1) return `${(seconds * 1000).toFixed(seconds < 0.01 ? 1 : 0)} ms`;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor(seconds % 3600 / 60)} min`;
}

// The browser's clock may be wrong, so ages are reckoned by the server's.
let clockOffset = 0;
export function setServerTime(time) {
  clockOffset = new Date(time) - Date.now();
}

const relative = new Intl.RelativeTimeFormat('en');
export function ago(time) {
  const seconds = (Date.now() + clockOffset - new Date(time)) / 1000;
  if (seconds < 60) return 'just now';
  for (const [unit, length, limit] of [['minute', 60, 3600], ['hour', 3600, 86400], ['day', 86400, Infinity]])
    if (seconds < limit) return relative.format(-Math.floor(seconds / length), unit);
}
